<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** Liveness of php-fpm: one FastCGI request for its ping page. It touches neither WordPress nor the database. */

declare(strict_types=1);

const SOCKET = 'unix:///run/tairyo/php-fpm-health.sock';
const TIMEOUT_SECONDS = 4;

function fail(string $message): never
{
    fwrite(STDERR, "$message\n");
    exit(1);
}

function record(int $type, string $content): string
{
    return pack('CCnnCC', 1, $type, 1, strlen($content), 0, 0) . $content;
}

$socket = @stream_socket_client(SOCKET, $code, $text, TIMEOUT_SECONDS);
if ($socket === false) {
    fail("php-fpm does not listen: $text");
}
stream_set_timeout($socket, TIMEOUT_SECONDS);
$parameters = '';
foreach (['REQUEST_METHOD' => 'GET', 'SCRIPT_NAME' => '/fpm-ping', 'SCRIPT_FILENAME' => '/fpm-ping'] as $name => $value) {
    $parameters .= chr(strlen($name)) . chr(strlen($value)) . $name . $value;
}
// 1 = begin (responder, connection closed afterwards), 4 = parameters, 5 = body.
fwrite($socket, record(1, pack('nCx5', 1, 0)) . record(4, $parameters) . record(4, '') . record(5, ''));
$answer = stream_get_contents($socket);
if (!str_contains((string) $answer, 'pong')) {
    fail('php-fpm does not answer its ping');
}
