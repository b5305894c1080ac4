<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** Says what is installed, as JSON. It changes nothing. */

declare(strict_types=1);

use Tairyo\Database;
use Tairyo\Task;

require_once __DIR__ . '/../lib/Task.php';

Task::start('NotInstalled');
Task::requireInstalled();
Task::prepareWordPress(false);
require '/srv/wordpress/wp-load.php';
Task::trapWordPressDeath('NotInstalled');

$counts = [];
foreach (['post', 'page', 'attachment'] as $type) {
    $counts[$type] = array_filter(array_map(intval(...), (array) wp_count_posts($type)));
}
$users = count_users();
Task::succeed(Task::versions() + [
    'codeDatabaseVersion' => (string) Database::codeSchemaVersion(),
    'databaseServer' => $wpdb->db_server_info(),
    'phpVersion' => PHP_VERSION,
    'url' => home_url(),
    'title' => html_entity_decode((string) get_option('blogname'), ENT_QUOTES | ENT_HTML5, 'UTF-8'),
    'locale' => get_locale(),
    'timeZone' => wp_timezone_string(),
    'permalinks' => get_option('permalink_structure'),
    'theme' => get_stylesheet(),
    'plugins' => array_values((array) get_option('active_plugins', [])),
    'posts' => $counts,
    'comments' => (int) wp_count_comments()->approved,
    'users' => ['total' => $users['total_users'], 'roles' => array_filter($users['avail_roles'])],
    'dueEvents' => array_sum(array_map(fn (array $hooks): int => array_sum(array_map(count(...), $hooks)), wp_get_ready_cron_jobs())),
]);
