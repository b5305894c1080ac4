<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * WordPress' own database class with our way of connecting: a login that is replaced is followed without a restart, and
 * the server's certificate can be verified. wpdb itself knows one login for ever, and no certificate authority.
 */

declare(strict_types=1);

namespace Tairyo;

require_once __DIR__ . '/Connection.php';

final class WordPressDatabase extends \wpdb
{
    private bool $hasCharset = false;

    /**
     * @param bool $allow_bail whether to say so, or else only to answer, when there is no connection
     * @return bool
     */
    public function db_connect($allow_bail = true)
    {
        $this->is_mysql = true;
        $connection = Connection::open(Site::load(), null);
        if ($connection->connect_errno !== 0) {
            $this->dbh = null;
            // Not the text: it names the user.
            error_log("database: no connection (MySQL error {$connection->connect_errno})");
            if ($allow_bail) {
                $this->sayNoConnection();
            }
            return false;
        }
        $this->dbh = $connection;
        if (!$this->hasCharset) {
            $this->init_charset();
            $this->hasCharset = true;
        }
        $this->set_charset($this->dbh);
        $this->ready = true;
        $this->set_sql_mode();
        $this->select($this->dbname, $this->dbh);
        return true;
    }

    private function sayNoConnection(): void
    {
        wp_load_translations_early();
        if (file_exists(WP_CONTENT_DIR . '/db-error.php')) {
            require_once WP_CONTENT_DIR . '/db-error.php';
            exit;
        }
        $this->bail('<h1>' . __('Error establishing a database connection') . '</h1>', 'db_connect_fail');
    }
}
