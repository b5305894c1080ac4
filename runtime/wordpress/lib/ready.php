<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * GET /readyz: is WordPress installed and its schema at least what this code needs?
 *
 * Once yes, always yes for this pod: a database that goes away later must not take the pod out of the Service, because
 * the page cache goes on serving. Not through WordPress' own boot: that redirects by Host and dies without a database.
 */

declare(strict_types=1);

namespace Tairyo;

require_once __DIR__ . '/Site.php';
require_once __DIR__ . '/Database.php';

const LATCH = '/run/tairyo/ready';

function answer(int $status, string $text): never
{
    http_response_code($status);
    header('Content-Type: text/plain');
    header('Cache-Control: no-store');
    exit("$text\n");
}

if (file_exists(LATCH)) {
    answer(200, 'ready');
}
try {
    $database = Database::connect(Site::load(), 3);
    $wanted = Database::codeSchemaVersion();
    $found = $database->schemaVersion();
} catch (ConfigurationInvalid | TaskFailed $error) {
    error_log('not ready: ' . $error->getMessage());
    answer(503, 'not ready');
}
if ($found === null) {
    answer(503, 'not ready: WordPress is not installed');
}
// A newer schema is fine: during an upgrade the pods of the old version go on with the schema of the new one.
if ($found < $wanted) {
    answer(503, "not ready: the schema is $found, this WordPress needs $wanted");
}
touch(LATCH);
answer(200, 'ready');
