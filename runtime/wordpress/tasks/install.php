<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** Installs WordPress once. Run again, or twice at once, it finds the installed site and changes nothing. */

declare(strict_types=1);

use Tairyo\ConfigurationInvalid;
use Tairyo\Database;
use Tairyo\Site;
use Tairyo\Task;
use Tairyo\TaskFailed;

require_once __DIR__ . '/../lib/Task.php';

const LOCK_WAIT_SECONDS = 300;
const PERMALINKS = '/%postname%/';

/** @return array{title: string, username: string, email: string, password: string} */
function readInstallSettings(): array
{
    $json = Site::readJson(Site::configurationFolder() . '/install.json');
    Site::exactKeys('install.json', $json, ['schemaVersion', 'title', 'admin']);
    if ($json['schemaVersion'] !== 1) {
        throw new ConfigurationInvalid('install.json: schemaVersion: this image reads version 1');
    }
    if (!is_array($json['admin'])) {
        throw new ConfigurationInvalid('install.json: admin: must be an object');
    }
    Site::exactKeys('install.json: admin', $json['admin'], ['username', 'email']);
    foreach (['title' => $json['title'], 'admin.username' => $json['admin']['username'], 'admin.email' => $json['admin']['email']] as $key => $value) {
        if (!is_string($value) || trim($value) === '') {
            throw new ConfigurationInvalid("install.json: $key: must be text that is not empty");
        }
        if (preg_match('/[\x00-\x1f\x7f]/', $value)) {
            throw new ConfigurationInvalid("install.json: $key: must not hold control characters or line ends");
        }
    }
    if (mb_strlen($json['title']) > 1000) {
        throw new ConfigurationInvalid('install.json: title: must not be longer than 1000 characters');
    }
    $password = Site::secret('admin/password');
    if ($password !== trim($password) || strlen($password) > 4096) {
        // WordPress cuts them off without a word, and the person could never log in.
        throw new ConfigurationInvalid('the administrator\'s password must not begin or end with white space and must be at most 4096 bytes');
    }
    return ['title' => $json['title'], 'username' => $json['admin']['username'], 'email' => $json['admin']['email'], 'password' => $password];
}

/** WordPress changes a name that it cannot hold without telling: refuse it instead. */
function checkAdministrator(string $username, string $email): void
{
    if (sanitize_user($username, true) !== $username || mb_strlen($username) > 60) {
        throw new ConfigurationInvalid('install.json: admin.username: WordPress allows 1 to 60 of the letters a-z and A-Z, digits, space and _ . - @, without space at either end or two in a row');
    }
    if (is_email($email) !== $email || sanitize_email($email) !== $email || strlen($email) > 100) {
        throw new ConfigurationInvalid('install.json: admin.email: must be an e-mail address of at most 100 characters that WordPress accepts (ASCII letters, digits and !#$%&\'*+/=?^_`{|}~.- before the @)');
    }
}

function checkLocale(string $locale): void
{
    if ($locale !== '' && $locale !== 'en_US' && !is_file(WP_LANG_DIR . "/$locale.mo")) {
        $known = array_map(fn (string $file): string => basename($file, '.mo'), glob(WP_LANG_DIR . '/*.mo') ?: []);
        $known = array_filter($known, fn (string $name): bool => preg_match('/^[a-z]{2,3}(_[A-Z]{2})?(_[a-z]+)?$/', $name) === 1);
        throw new ConfigurationInvalid("site.json: locale: this image has no translation '$locale'; it has: " . implode(', ', $known));
    }
}

// Loaded before WordPress' own, which would send an e-mail with a link to the administrator.
function wp_new_blog_notification(): void
{
}

Task::start('InstallFailed');
$settings = readInstallSettings();
// Upgrades take the same lock: both change the schema.
Task::lock('schema', LOCK_WAIT_SECONDS, 'InstallFailed');
$schema = Task::$database->schemaVersion();
if ($schema !== null) {
    // Without loading WordPress, whose first steps write to the database.
    Task::succeed(['installed' => true, 'wordpressVersion' => Database::codeVersion(), 'databaseVersion' => (string) $schema, 'changed' => false]);
}
Task::prepareWordPress(true);
require '/srv/wordpress/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
Task::trapWordPressDeath('InstallFailed');
add_filter('pre_http_request', static fn (): WP_Error => new WP_Error('no_http', 'no requests during the installation'));

$language = Task::$site->locale === 'en_US' ? '' : Task::$site->locale;
checkAdministrator($settings['username'], $settings['email']);
checkLocale($language);
// The tables first: creating them ends a transaction. Then everything in them in one transaction, so that a killed
// installation leaves empty tables, which the next one fills, and never half a site that counts as installed.
if ($language !== '') {
    load_default_textdomain($language);
    $locale = $language;
    $wp_locale = new WP_Locale();
}
make_db_current_silent();
$wpdb->query('SET autocommit = 0');
$wpdb->query('START TRANSACTION');
// WordPress escapes the title for HTML but leaves what looks escaped alone; escaped here, each character arrives.
$title = htmlspecialchars($settings['title'], ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8', true);
$title = str_replace('&apos;', '&#039;', $title);
// wp-login.php compares passwords as PHP's old magic quotes made them: with slashes.
wp_install($title, $settings['username'], $settings['email'], true, '', wp_slash($settings['password']), $language);
$user = get_user_by('login', $settings['username']);
if ($user === false || $user->user_email !== $settings['email'] || !$user->has_cap('manage_options')) {
    throw new TaskFailed('InstallFailed', 'WordPress did not create the administrator' . ($wpdb->last_error === '' ? '' : ": {$wpdb->last_error}"));
}
if (get_option('blogname') !== $title) {
    throw new ConfigurationInvalid('install.json: title: WordPress cannot hold this text unchanged in this database');
}
update_option('timezone_string', Task::$site->timeZone);
update_option('gmt_offset', '');
$wp_rewrite->set_permalink_structure(PERMALINKS);
flush_rewrite_rules(false);
if ($wpdb->query('COMMIT') === false) {
    throw new TaskFailed('InstallFailed', "the database did not keep the installation: {$wpdb->last_error}");
}
$wpdb->query('SET autocommit = 1');
Task::succeed(Task::versions() + ['changed' => true]);
