<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * WordPress configuration of the image. It holds no value of any site: those are read as data from /etc/tairyo.
 */

require_once '/usr/local/share/tairyo/lib/Site.php';

try {
    $tairyo_site = Tairyo\Site::load();
    // As it is now; wp-content/db.php reads it again whenever it connects.
    [$tairyo_user, $tairyo_password] = $tairyo_site->databaseLogin();
    define('DB_USER', $tairyo_user);
    define('DB_PASSWORD', $tairyo_password);
    unset($tairyo_user, $tairyo_password);
    foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $tairyo_salt) {
        define($tairyo_salt, Tairyo\Site::secret("salts/$tairyo_salt"));
    }
} catch (Tairyo\ConfigurationInvalid $tairyo_error) {
    if (PHP_SAPI === 'cli') {
        throw $tairyo_error;
    }
    // The reader gets no path and no value; the log does.
    error_log('configuration: ' . $tairyo_error->getMessage());
    http_response_code(500);
    header('Content-Type: text/plain');
    exit("This site is not configured correctly.\n");
}

define('DB_NAME', $tairyo_site->databaseName);
define('DB_HOST', $tairyo_site->databaseAddress());
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
if ($tairyo_site->databaseFlags() !== 0) {
    // For plugins that connect by themselves; WordPress does by wp-content/db.php.
    define('MYSQL_CLIENT_FLAGS', $tairyo_site->databaseFlags());
}

define('WP_HOME', $tairyo_site->url);
define('WP_SITEURL', $tairyo_site->url);
define('FORCE_SSL_ADMIN', $tairyo_site->isHttps());
if ($tairyo_site->isHttps()) {
    // TLS ends before this pod; without this WordPress would redirect to https for ever.
    $_SERVER['HTTPS'] = 'on';
}

// The code is the image: what an editor installs here would be gone with the pod and differ between pods.
define('DISALLOW_FILE_MODS', true);
define('DISALLOW_FILE_EDIT', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_AUTO_UPDATE_CORE', false);
// Scheduled work runs as a task, not in a reader's request.
define('DISABLE_WP_CRON', true);
define('FS_METHOD', 'direct');
define('WP_MEMORY_LIMIT', (string) $tairyo_site->memoryLimitBytes);
define('WP_MAX_MEMORY_LIMIT', (string) $tairyo_site->memoryLimitBytes);
if (!defined('WP_DEBUG')) {
    define('WP_DEBUG', false);
}
define('WP_DEBUG_DISPLAY', false);
define('TAIRYO_PAGE_CACHE_TTL', $tairyo_site->pageCacheEnabled ? $tairyo_site->pageCacheTtlSeconds : 0);
define('TAIRYO_MEDIA_IN_GATEWAY', $tairyo_site->mediaInGateway);
define('TAIRYO_PAGE_CACHE_FOLDER', '/var/cache/tairyo');

$table_prefix = $tairyo_site->tablePrefix;
unset($tairyo_site, $tairyo_salt);

if (!defined('ABSPATH')) {
    define('ABSPATH', '/srv/wordpress/');
}
require_once ABSPATH . 'wp-settings.php';
