<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** The sidecar that holds the pod's rights in AWS; PHP reaches it over a unix socket and holds none. */

declare(strict_types=1);

namespace Tairyo;

final class Gateway
{
    public const SOCKET = '/run/tairyo/gateway.sock';
    public const CREDENTIALS = '/run/tairyo/credentials';
    /** The gateway gives a call to AWS eight seconds. */
    private const TIMEOUT_SECONDS = 9;

    /** Asks it to read the database's login again, because what is there was refused. It bounds how often it does. */
    public static function refreshDatabase(): void
    {
        $socket = @stream_socket_client('unix://' . self::SOCKET, $code, $text, 1);
        if ($socket === false) {
            error_log("gateway: cannot be reached: $text");
            return;
        }
        stream_set_timeout($socket, self::TIMEOUT_SECONDS);
        fwrite($socket, "POST /credentials/database/refresh HTTP/1.0\r\nHost: gateway\r\nContent-Length: 0\r\n\r\n");
        $answer = (string) stream_get_contents($socket, 8192);
        fclose($socket);
        if (!preg_match('#^HTTP/1\.[01] 200 #', $answer)) {
            $body = trim((string) strstr($answer, "\r\n\r\n"));
            error_log('gateway: the database login was not read again: ' . ($body === '' ? 'no answer' : $body));
        }
    }
}
