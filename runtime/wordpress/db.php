<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * WordPress reads this file, if there is one, before it makes its database object, and takes the one that is made here.
 */

if (!defined('ABSPATH')) {
    exit;
}

require_once '/usr/local/share/tairyo/lib/WordPressDatabase.php';

$GLOBALS['wpdb'] = new Tairyo\WordPressDatabase(DB_USER, DB_PASSWORD, DB_NAME, DB_HOST);
