<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** Brings the schema up to this image's WordPress. A newer schema is left alone: that is what a way back needs. */

declare(strict_types=1);

use Tairyo\Database;
use Tairyo\Task;
use Tairyo\TaskFailed;

require_once __DIR__ . '/../lib/Task.php';

const LOCK_WAIT_SECONDS = 600;

Task::start('UpgradeFailed');
Task::lock('schema', LOCK_WAIT_SECONDS, 'UpgradeFailed');
Task::requireInstalled();
$found = Task::$database->schemaVersion();
$wanted = Database::codeSchemaVersion();
Task::prepareWordPress(true);
require '/srv/wordpress/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
Task::trapWordPressDeath('UpgradeFailed');
if ($found < $wanted) {
    wp_upgrade();
    $now = Task::$database->schemaVersion();
    if ($now !== $wanted) {
        throw new TaskFailed('UpgradeFailed', "the schema is $now after the upgrade from $found, not $wanted" . ($wpdb->last_error === '' ? '' : ": {$wpdb->last_error}"));
    }
}
Task::succeed(Task::versions() + ['changed' => $found < $wanted, 'databaseNewer' => $found > $wanted]);
