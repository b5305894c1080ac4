<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** Uploads as the gateway has them: files in a bucket, over the pod's unix socket. */

declare(strict_types=1);

namespace Tairyo;

final class MediaClient
{
    private const SOCKET = '/run/tairyo/gateway.sock';
    private const CONNECT_SECONDS = 3;
    /** A request that moves less than this for so long has failed: files are of any size. */
    private const STALLED_SECONDS = 30;

    private static ?\CurlHandle $handle = null;

    /**
     * Size and time of change, null when there is no such file.
     *
     * @return array{size: int, modified: int}|null
     */
    public static function describe(string $path): ?array
    {
        $modified = 0;
        $size = 0;
        $status = self::ask('HEAD', '/media/' . self::encode($path), [
            CURLOPT_NOBODY => true,
            CURLOPT_HEADERFUNCTION => static function (\CurlHandle $handle, string $line) use (&$modified, &$size): int {
                if (stripos($line, 'last-modified:') === 0) {
                    $modified = (int) strtotime(trim(substr($line, 14)));
                } elseif (stripos($line, 'content-length:') === 0) {
                    $size = (int) trim(substr($line, 15));
                }
                return strlen($line);
            },
        ]);
        return $status === 200 ? ['size' => $size, 'modified' => $modified] : null;
    }

    /** @param resource $target where the file is written to */
    public static function read(string $path, $target): bool
    {
        return self::ask('GET', '/media/' . self::encode($path), [CURLOPT_FILE => $target]) === 200;
    }

    /** @param resource $source the file, from its beginning */
    public static function write(string $path, $source, int $size, string $type): bool
    {
        return self::ask('PUT', '/media/' . self::encode($path), [
            CURLOPT_UPLOAD => true,
            CURLOPT_INFILE => $source,
            CURLOPT_INFILESIZE => $size,
            // "Expect: 100-continue" would cost a second where it is not understood.
            CURLOPT_HTTPHEADER => ["Content-Type: $type", 'Expect:'],
        ]) === 204;
    }

    public static function copy(string $from, string $to): bool
    {
        $query = '?from=' . rawurlencode($from);
        return self::ask('PUT', '/media/' . self::encode($to) . $query, [CURLOPT_CUSTOMREQUEST => 'PUT', CURLOPT_POSTFIELDS => '']) === 204;
    }

    public static function delete(string $path): bool
    {
        return self::ask('DELETE', '/media/' . self::encode($path), [CURLOPT_CUSTOMREQUEST => 'DELETE']) === 204;
    }

    /**
     * What is in a folder, or what of it begins with a name: "2026/11/", "2026/11/photo".
     *
     * @return array{files: list<array{name: string, size: int, modified: int}>, folders: list<string>}|null
     */
    public static function list(string $prefix): ?array
    {
        $text = fopen('php://temp', 'w+');
        if (self::ask('GET', '/media-list?prefix=' . rawurlencode($prefix), [CURLOPT_FILE => $text]) !== 200) {
            return null;
        }
        rewind($text);
        $listing = json_decode((string) stream_get_contents($text), true);
        return is_array($listing) ? $listing : null;
    }

    /** @param array<int, mixed> $options */
    private static function ask(string $method, string $url, array $options): int
    {
        if (self::$handle === null) {
            self::$handle = curl_init();
        } else {
            curl_reset(self::$handle);
        }
        curl_setopt_array(self::$handle, $options + [
            CURLOPT_UNIX_SOCKET_PATH => self::SOCKET,
            CURLOPT_URL => "http://gateway$url",
            CURLOPT_CONNECTTIMEOUT => self::CONNECT_SECONDS,
            CURLOPT_LOW_SPEED_LIMIT => 1,
            CURLOPT_LOW_SPEED_TIME => self::STALLED_SECONDS,
            CURLOPT_PATH_AS_IS => true,
        ]);
        // Without a target, what is answered would be printed.
        if (!isset($options[CURLOPT_FILE])) {
            curl_setopt(self::$handle, CURLOPT_RETURNTRANSFER, true);
        }
        curl_exec(self::$handle);
        $status = (int) curl_getinfo(self::$handle, CURLINFO_RESPONSE_CODE);
        if ($status === 0 || $status >= 500) {
            error_log("gateway: $method of an upload failed: " . ($status === 0 ? curl_error(self::$handle) : "status $status"));
        }
        return $status;
    }

    private static function encode(string $path): string
    {
        return implode('/', array_map(rawurlencode(...), explode('/', $path)));
    }
}
