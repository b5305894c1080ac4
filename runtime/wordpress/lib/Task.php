<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the tasks share: the database is waited for, one lock is held, WordPress is loaded, and whatever happens ends in
 * one JSON object on stdout and in the termination message.
 */

declare(strict_types=1);

namespace Tairyo;

require_once __DIR__ . '/Site.php';
require_once __DIR__ . '/Database.php';

final class Task
{
    /** Kubernetes cuts termination messages at 4096 bytes, which would break the JSON. */
    private const MESSAGE_BYTES = 1500;
    private static bool $finished = false;
    public static ?Database $database = null;
    public static Site $site;

    /**
     * Opens a task. Its file goes on at top level, not in a function: WordPress' files expect their variables to be global.
     */
    public static function start(string $failureReason): void
    {
        // Loading WordPress may print: stdout is for the result alone.
        ob_start(static fn (string $text): string => '', 4096);
        set_exception_handler(static function (\Throwable $error) use ($failureReason): never {
            if ($error instanceof ConfigurationInvalid) {
                self::fail('ConfigurationInvalid', $error->getMessage());
            }
            if ($error instanceof TaskFailed) {
                self::fail($error->reason, $error->getMessage());
            }
            fwrite(STDERR, "$error\n");
            self::fail($failureReason, $error->getMessage() . ' in ' . $error->getFile() . ':' . $error->getLine());
        });
        register_shutdown_function(static function () use ($failureReason): void {
            if (!self::$finished) {
                $error = error_get_last();
                self::fail($failureReason, 'PHP ended early' . ($error === null ? '' : ": {$error['message']} in {$error['file']}:{$error['line']}"));
            }
        });
        self::$site = Site::load();
        $wait = getenv('TAIRYO_DATABASE_WAIT_SECONDS');
        $wait = $wait === false || $wait === '' ? '60' : $wait;
        if (!ctype_digit($wait) || strlen($wait) > 5) {
            throw new ConfigurationInvalid('TAIRYO_DATABASE_WAIT_SECONDS: must be a whole number of seconds');
        }
        self::$database = Database::waitFor(self::$site, (int) $wait);
    }

    /** @param array<string, mixed> $result */
    public static function succeed(array $result): never
    {
        self::finish(0, $result);
    }

    /** Holds the site's lock until this process ends. */
    public static function lock(string $purpose, int $waitSeconds, string $failureReason): void
    {
        if (!self::$database->lock($purpose, $waitSeconds)) {
            throw new TaskFailed($failureReason, "another task of this site held the lock for $waitSeconds seconds");
        }
    }

    public static function requireInstalled(): void
    {
        if (self::$database->schemaVersion() === null) {
            throw new TaskFailed('NotInstalled', 'WordPress is not installed in database ' . self::$site->databaseName . ' with table prefix ' . self::$site->tablePrefix);
        }
    }

    /** Makes the globals of a request to the site's front page, which WordPress reads while it loads. */
    public static function prepareWordPress(bool $installing): void
    {
        $_SERVER['HTTP_HOST'] = self::$site->authority;
        $_SERVER['SERVER_NAME'] = self::$site->host;
        $_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
        $_SERVER['REQUEST_URI'] = '/';
        $_SERVER['REQUEST_METHOD'] = 'GET';
        $_SERVER['REMOTE_ADDR'] = '127.0.0.1';
        $_SERVER['PHP_SELF'] = '/index.php';
        if ($installing) {
            // Without it an empty database makes WordPress redirect to its install form and exit.
            define('WP_INSTALLING', true);
            // Tables without content, as a killed installation leaves them, make WordPress give up otherwise.
            define('WP_REPAIRING', true);
        }
    }

    /** After wp-load.php: wp_die() would print a page and exit 0. */
    public static function trapWordPressDeath(string $reason): void
    {
        $handler = static fn (): callable => static function (mixed $message) use ($reason): never {
            $text = $message instanceof \WP_Error ? implode('; ', $message->get_error_messages()) : (string) $message;
            throw new TaskFailed($reason, trim(html_entity_decode(strip_tags($text), ENT_QUOTES)));
        };
        foreach (['wp_die_handler', 'wp_die_ajax_handler', 'wp_die_json_handler'] as $filter) {
            add_filter($filter, $handler);
        }
    }

    /** @return array<string, mixed> */
    public static function versions(): array
    {
        wp_cache_delete('alloptions', 'options');
        return [
            'installed' => true,
            'wordpressVersion' => $GLOBALS['wp_version'],
            'databaseVersion' => (string) get_option('db_version'),
        ];
    }

    /** @param array<string, mixed> $result */
    private static function finish(int $status, array $result): never
    {
        self::$finished = true;
        while (ob_get_level() > 0) {
            ob_end_clean();
        }
        $json = json_encode($result, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
        fwrite(STDOUT, "$json\n");
        $log = getenv('TAIRYO_TERMINATION_LOG') ?: '/dev/termination-log';
        @file_put_contents($log, $json);
        exit($status);
    }

    private static function fail(string $reason, string $message): never
    {
        // Error texts quote statements and settings; the password must not travel with them.
        $secrets = Site::configurationFolder() . '/secrets';
        foreach (["$secrets/database/password", "$secrets/admin/password", Gateway::CREDENTIALS . '/database/password'] as $path) {
            $secret = rtrim((string) @file_get_contents($path), "\r\n");
            if (strlen($secret) > 3) {
                $message = str_replace($secret, '(secret)', $message);
            }
        }
        self::finish(1, ['reason' => $reason, 'message' => mb_strcut($message, 0, self::MESSAGE_BYTES, 'UTF-8')]);
    }
}
