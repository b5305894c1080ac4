<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** What the tasks and the readiness check need of the database before, or instead of, WordPress. */

declare(strict_types=1);

namespace Tairyo;

require_once __DIR__ . '/Connection.php';

final class TaskFailed extends \RuntimeException
{
    public function __construct(public readonly string $reason, string $message)
    {
        parent::__construct($message);
    }
}

final class Database
{
    /** Refusals that waiting cannot mend, by MySQL error code. Everything else counts as unreachable. */
    private const REASONS = [
        1044 => 'DatabaseAccessDenied',
        1045 => 'DatabaseAccessDenied',
        1698 => 'DatabaseAccessDenied',
        4151 => 'DatabaseAccessDenied',
        1049 => 'DatabaseMissing',
        3159 => 'DatabaseAccessDenied',
    ];

    private function __construct(private readonly \mysqli $connection, private readonly Site $site)
    {
    }

    public static function connect(Site $site, int $timeoutSeconds = 10): self
    {
        $connection = Connection::open($site, $site->databaseName, [MYSQLI_OPT_CONNECT_TIMEOUT => $timeoutSeconds, MYSQLI_OPT_READ_TIMEOUT => 600]);
        if ($connection->connect_errno !== 0) {
            throw self::failure($site, $site->databaseLogin()[0], $connection->connect_errno, (string) $connection->connect_error);
        }
        $connection->set_charset('utf8mb4');
        return new self($connection, $site);
    }

    /** Waits for a database that does not answer; a database that answers no is not asked again. */
    public static function waitFor(Site $site, int $seconds): self
    {
        $deadline = microtime(true) + $seconds;
        while (true) {
            try {
                return self::connect($site, (int) max(1, min(10, ceil($deadline - microtime(true)))));
            } catch (TaskFailed $error) {
                if ($error->reason !== 'DatabaseUnreachable' || microtime(true) >= $deadline) {
                    throw $error;
                }
                fwrite(STDERR, 'waiting: ' . $error->getMessage() . "\n");
                usleep(500_000);
            }
        }
    }

    private static function failure(Site $site, string $user, int $code, string $text): TaskFailed
    {
        $where = "database {$site->databaseName} at {$site->databaseHost} port {$site->databasePort}";
        $hint = match (true) {
            $code === 1044 => " (the database does not exist or user '$user' has no rights on it)",
            // "Gone away" while connecting is how PHP puts it when the server has no TLS.
            $site->databaseTls !== 'Disabled' && ($code === 2006 || $code === 2026 || str_contains($text, 'SSL')) => " (database.tls is {$site->databaseTls}: does the server offer TLS" . ($site->databaseTls === 'Verified' ? ', and a certificate of its own name that a known authority signed?)' : '?)'),
            default => '',
        };
        $reason = self::REASONS[$code] ?? 'DatabaseUnreachable';
        return new TaskFailed($reason, "$where: $text (MySQL error $code)$hint");
    }

    /** The schema version that this image's WordPress wants. */
    public static function codeSchemaVersion(): int
    {
        include '/srv/wordpress/wp-includes/version.php';
        return (int) $wp_db_version;
    }

    public static function codeVersion(): string
    {
        include '/srv/wordpress/wp-includes/version.php';
        return (string) $wp_version;
    }

    /** db_version of an installed WordPress, null when there is none. */
    public function schemaVersion(): ?int
    {
        $result = $this->connection->query(
            "SELECT option_name, option_value FROM `{$this->site->tablePrefix}options` WHERE option_name IN ('siteurl', 'db_version')"
        );
        if ($result === false) {
            if ($this->connection->errno === 1146) {
                return null;
            }
            throw self::failure($this->site, '', $this->connection->errno, $this->connection->error);
        }
        $options = array_column($result->fetch_all(MYSQLI_ASSOC), 'option_value', 'option_name');
        return isset($options['siteurl'], $options['db_version']) ? (int) $options['db_version'] : null;
    }

    /** One lock per site and purpose; the server frees it when this connection ends, however it ends. */
    public function lock(string $purpose, int $waitSeconds): bool
    {
        $name = 'tairyo_' . hash('xxh128', "$purpose/{$this->site->databaseName}/{$this->site->tablePrefix}");
        $result = $this->connection->query("SELECT GET_LOCK('$name', $waitSeconds)");
        if ($result === false) {
            throw self::failure($this->site, '', $this->connection->errno, $this->connection->error);
        }
        return (int) $result->fetch_row()[0] === 1;
    }
}
