<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** Runs WordPress' scheduled events that are due. A second run at the same time finds the lock and leaves. */

declare(strict_types=1);

use Tairyo\Database;
use Tairyo\Task;
use Tairyo\TaskFailed;

require_once __DIR__ . '/../lib/Task.php';

Task::start('CronFailed');
Task::requireInstalled();
if (!Task::$database->lock('cron', 0)) {
    Task::succeed(['installed' => true, 'wordpressVersion' => Database::codeVersion(), 'skipped' => true, 'ran' => 0]);
}
Task::prepareWordPress(false);
define('DOING_CRON', true);
require '/srv/wordpress/wp-load.php';
Task::trapWordPressDeath('CronFailed');

$ran = 0;
$failed = [];
foreach (wp_get_ready_cron_jobs() as $timestamp => $hooks) {
    foreach ($hooks as $hook => $events) {
        foreach ($events as $event) {
            // As wp-cron.php does: taken off the list first, so that an event that kills PHP is not run for ever.
            if ($event['schedule'] !== false) {
                wp_reschedule_event($timestamp, $event['schedule'], $hook, $event['args']);
            }
            wp_unschedule_event($timestamp, $hook, $event['args']);
            try {
                do_action_ref_array($hook, $event['args']);
            } catch (Throwable $error) {
                // One broken event must not keep the others from running.
                fwrite(STDERR, "event $hook: $error\n");
                $failed[$hook] = $error->getMessage();
            }
            $ran++;
        }
    }
}
if ($failed !== []) {
    $text = implode('; ', array_map(fn (string $hook, string $message): string => "$hook: $message", array_keys($failed), $failed));
    throw new TaskFailed('CronFailed', count($failed) . " of $ran events failed: $text");
}
Task::succeed(Task::versions() + ['skipped' => false, 'ran' => $ran]);
