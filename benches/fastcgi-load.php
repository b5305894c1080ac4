<?php
// SPDX-License-Identifier: Apache-2.0
/**
 * Asks php-fpm for the front page through its socket, with some requests at a time, for some seconds.
 *
 *   php -- CONNECTIONS SECONDS HOST COOKIE < fastcgi-load.php
 *
 * A connection per request, as nginx does it here.
 */

declare(strict_types=1);

const SOCKET = 'unix:///run/tairyo/php-fpm.sock';

[, $connections, $seconds, $host, $cookie] = $argv;

function record(int $type, string $content): string
{
    return pack('CCnnCC', 1, $type, 1, strlen($content), 0, 0) . $content;
}

/** What php wrote: headers and page, cut into records. */
function output(string $answer): string
{
    $text = '';
    for ($at = 0; $at + 8 <= strlen($answer); $at += 8 + $head['length'] + $head['padding']) {
        $head = unpack('Cversion/Ctype/nid/nlength/Cpadding', $answer, $at);
        // 6 = standard output.
        $text .= $head['type'] === 6 ? substr($answer, $at + 8, $head['length']) : '';
    }
    return $text;
}

$parameters = '';
// What nginx gives for the same page.
foreach ([
    'SCRIPT_FILENAME' => '/srv/wordpress/index.php', 'SCRIPT_NAME' => '/index.php', 'DOCUMENT_ROOT' => '/srv/wordpress',
    'DOCUMENT_URI' => '/index.php', 'QUERY_STRING' => '', 'REQUEST_METHOD' => 'GET', 'REQUEST_URI' => '/',
    'REQUEST_SCHEME' => 'http', 'CONTENT_TYPE' => '', 'CONTENT_LENGTH' => '', 'GATEWAY_INTERFACE' => 'CGI/1.1',
    'SERVER_PROTOCOL' => 'HTTP/1.1', 'SERVER_SOFTWARE' => 'nginx', 'SERVER_NAME' => $host, 'SERVER_PORT' => '80',
    'SERVER_ADDR' => '127.0.0.1', 'REMOTE_ADDR' => '127.0.0.1', 'REMOTE_PORT' => '50000', 'HTTP_HOST' => $host,
    'HTTP_PROXY' => '', 'HTTP_COOKIE' => $cookie, 'REDIRECT_STATUS' => '200',
] as $name => $value) {
    // Lengths up to 127 are one byte.
    $parameters .= chr(strlen($name)) . chr(strlen($value)) . $name . $value;
}
$request = record(1, pack('nCx5', 1, 0)) . record(4, $parameters) . record(4, '') . record(5, '');

/** @var array<int, resource> $open */
$open = [];
$answers = [];
$served = 0;
$wrong = 0;
$began = hrtime(true);
$until = $began + (int) $seconds * 1_000_000_000;
do {
    while (count($open) < (int) $connections && hrtime(true) < $until) {
        $socket = stream_socket_client(SOCKET, $code, $text, 5);
        if ($socket === false) {
            fwrite(STDERR, "php-fpm does not listen: $text\n");
            exit(1);
        }
        fwrite($socket, $request);
        stream_set_blocking($socket, false);
        $open[get_resource_id($socket)] = $socket;
        $answers[get_resource_id($socket)] = '';
    }
    $readable = $open;
    $none = null;
    if (stream_select($readable, $none, $none, 20) === 0) {
        fwrite(STDERR, "php-fpm has not answered for 20 seconds\n");
        exit(1);
    }
    foreach ($readable as $id => $socket) {
        $answers[$id] .= (string) fread($socket, 262144);
        if (!feof($socket)) {
            continue;
        }
        $text = output($answers[$id]);
        // php-fpm names the status only where it is not 200.
        $right = str_ends_with(rtrim($text), '</html>') && !str_starts_with($text, 'Status: ');
        $right ? $served++ : $wrong++;
        fclose($socket);
        unset($open[$id], $answers[$id]);
    }
} while ($open !== []);
$took = (hrtime(true) - $began) / 1e9;
echo json_encode(['perSecond' => $served / $took, 'served' => $served, 'wrong' => $wrong]), "\n";
