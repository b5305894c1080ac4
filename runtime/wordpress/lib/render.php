<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Writes the configuration of nginx or php-fpm into /run/tairyo from the checked site.json: render.php php|web
 * Templates hold {{names}}; a value is a number, or text that Site checked against a pattern without any character
 * that means something to nginx or php-fpm.
 */

declare(strict_types=1);

namespace Tairyo;

require_once __DIR__ . '/Site.php';

const RUN = '/run/tairyo';
/** Memory of one busy worker that it shares with no other (see README.md, "Sizing of php-fpm"). */
const WORKER_BYTES = 32 << 20;
const LEAST_WORKERS = 2;
const MOST_WORKERS = 64;
const WORKERS_WITHOUT_LIMIT = 5;

/** @return array{workers: int, opcacheMegabytes: int} */
function sizes(Site $site, int $limit): array
{
    $workers = $site->workers;
    if ($workers === 0) {
        $workers = $limit === 0 ? WORKERS_WITHOUT_LIMIT : (int) floor(0.8 * $limit / WORKER_BYTES);
        $workers = max(LEAST_WORKERS, min(MOST_WORKERS, $workers));
    }
    // opcache is shared by all workers; WordPress with its theme fills about 40 MB of it.
    $opcache = $limit > 0 && $limit < (384 << 20) ? 64 : 128;
    return ['workers' => $workers, 'opcacheMegabytes' => $opcache];
}

/** @param array<string, int|string> $values */
function template(string $name, array $values): string
{
    $text = file_get_contents(__DIR__ . "/../templates/$name");
    $text = preg_replace_callback('/\{\{(\w+)\}\}/', function (array $match) use ($values, $name): string {
        if (!array_key_exists($match[1], $values)) {
            throw new \LogicException("$name: no value for {$match[1]}");
        }
        $value = (string) $values[$match[1]];
        // The last line of defence: nothing below is ever quoted, so nothing may need it.
        if (preg_match('#^[A-Za-z0-9 .:/_\[\]-]*\z#', $value) !== 1) {
            throw new ConfigurationInvalid("$name: {$match[1]}: holds a character that configuration must not hold");
        }
        return $value;
    }, $text);
    // Lines such as "#if ipv6# listen ..." stay only when the condition holds.
    return preg_replace_callback('/^#if (\w+)# (.*)\n/m', fn (array $match): string => ($values[$match[1]] ?? 0) ? "$match[2]\n" : '', $text);
}

function write(string $path, string $text): void
{
    // Both containers may render while the other reads: a reader sees the old file or the new one.
    $temporary = $path . '.' . getmypid();
    if (@file_put_contents($temporary, $text) === false || !rename($temporary, $path)) {
        throw new ConfigurationInvalid("$path: cannot be written; /run/tairyo must be a writable volume");
    }
}

function renderPhp(Site $site, int $limit): void
{
    $sizes = sizes($site, $limit);
    $values = $sizes + [
        'start' => max(1, min($sizes['workers'], intdiv($sizes['workers'] + 3, 4))),
        'spare' => max(1, min($sizes['workers'], intdiv($sizes['workers'] + 1, 2))),
        'memoryLimitBytes' => $site->memoryLimitBytes,
        'uploadMaxSizeBytes' => $site->uploadMaxSizeBytes,
        'postMaxSizeBytes' => $site->uploadMaxSizeBytes + (1 << 20),
        'maxExecutionSeconds' => $site->maxExecutionSeconds,
        // Wall-clock time: max_execution_time does not count waiting for the database.
        'terminateSeconds' => $site->maxExecutionSeconds + 5,
    ];
    @mkdir(RUN . '/php.d');
    write(RUN . '/php.d/99-size.ini', template('php.ini', $values));
    write(RUN . '/php-fpm.conf', template('php-fpm.conf', $values));
    fwrite(STDERR, "php-fpm: {$sizes['workers']} workers, opcache {$sizes['opcacheMegabytes']} MB, memory limit " . ($limit ?: 'unknown') . "\n");
}

function renderWeb(Site $site): void
{
    $ipv6 = file_exists('/proc/net/if_inet6');
    $others = array_slice($site->domains, 1);
    $values = [
        'url' => $site->url,
        'host' => $site->host,
        'authority' => $site->authority,
        'scheme' => $site->scheme,
        'port' => $site->port,
        'aliases' => implode(' ', $others),
        'hasAliases' => (int) ($others !== []),
        'https' => (int) $site->isHttps(),
        'originClosed' => (int) $site->originClosed,
        'originOpen' => (int) !$site->originClosed,
        'ipv6' => (int) $ipv6,
        'hasAliases6' => (int) ($ipv6 && $others !== []),
        'cache' => $site->pageCacheEnabled ? 'pages' : 'off',
        'bodyBytes' => $site->uploadMaxSizeBytes + (1 << 20),
        'readSeconds' => $site->maxExecutionSeconds + 10,
    ];
    if (!is_dir('/var/cache/tairyo/pages') && !@mkdir('/var/cache/tairyo/pages', 0700)) {
        throw new ConfigurationInvalid('/var/cache/tairyo: cannot be written; it must be a writable volume');
    }
    write(RUN . '/nginx.conf', template('nginx.conf', $values));
    write(RUN . '/security-headers.conf', template('security-headers.conf', $values));
    write(RUN . '/fastcgi.conf', template('fastcgi.conf', $values));
    write(RUN . '/uploads.conf', template($site->mediaInGateway ? 'uploads-gateway.conf' : 'uploads-volume.conf', $values));
    write(RUN . '/alias.conf', template('alias.conf', $values));
    write(RUN . '/origin-closed.conf', template('origin-closed.conf', $values));
}

try {
    $limit = getenv('TAIRYO_MEMORY_LIMIT_BYTES') ?: '0';
    if (!ctype_digit($limit)) {
        throw new ConfigurationInvalid('TAIRYO_MEMORY_LIMIT_BYTES: must be a number of bytes, or 0 for unknown');
    }
    $site = Site::load();
    match ($argv[1] ?? '') {
        'php' => renderPhp($site, (int) $limit),
        'web' => renderWeb($site),
    };
} catch (ConfigurationInvalid $error) {
    fwrite(STDERR, 'configuration: ' . $error->getMessage() . "\n");
    exit(1);
}
