<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** The one way to the database, for WordPress, the tasks and the probes. */

declare(strict_types=1);

namespace Tairyo;

require_once __DIR__ . '/Site.php';

final class Connection
{
    private const ACCESS_DENIED = 1045;

    /**
     * A connection, or one whose connect_errno says why there is none.
     *
     * A login that is refused may have been replaced since it was read: then it is read again, and tried again if it
     * differs. Once, and never with what was refused: servers lock out who tries too often.
     *
     * @param array<int, int> $options of mysqli
     */
    public static function open(Site $site, ?string $database, array $options = []): \mysqli
    {
        // The default of PHP throws; the callers look at connect_errno.
        mysqli_report(MYSQLI_REPORT_OFF);
        $login = $site->databaseLogin();
        $connection = self::try($site, $login, $database, $options);
        if ($connection->connect_errno !== self::ACCESS_DENIED || !$site->databaseLoginFromGateway) {
            return $connection;
        }
        $fresh = $site->databaseLogin();
        if ($fresh === $login) {
            Gateway::refreshDatabase();
            $fresh = $site->databaseLogin();
        }
        return $fresh === $login ? $connection : self::try($site, $fresh, $database, $options);
    }

    /**
     * @param array{string, string} $login
     * @param array<int, int> $options
     */
    private static function try(Site $site, #[\SensitiveParameter] array $login, ?string $database, array $options): \mysqli
    {
        $connection = mysqli_init();
        foreach ($options as $option => $value) {
            $connection->options($option, $value);
        }
        $authorities = $site->databaseAuthorities();
        if ($authorities !== null) {
            $connection->ssl_set(null, null, $authorities, null, null);
        }
        $host = str_contains($site->databaseHost, ':') ? "[{$site->databaseHost}]" : $site->databaseHost;
        @$connection->real_connect($host, $login[0], $login[1], $database, $site->databasePort, null, $site->databaseFlags());
        return $connection;
    }
}
