<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The site's configuration as this image reads it: /etc/tairyo/site.json, /etc/tairyo/install.json and secret files.
 *
 * Every value is checked here although the operator checked it before: what comes out of this file goes into nginx and
 * php-fpm configuration, so one unchecked string would be configuration of someone else's choice.
 */

declare(strict_types=1);

namespace Tairyo;

require_once __DIR__ . '/Gateway.php';

final class ConfigurationInvalid extends \RuntimeException
{
}

final class Site
{
    public const SITE_KEYS = ['schemaVersion', 'url', 'domains', 'locale', 'timeZone', 'tablePrefix', 'database', 'php', 'pageCache', 'originClosed', 'media'];
    private const AUTHORITIES = '/usr/local/share/tairyo/authorities';

    public string $scheme;
    public string $host;
    /** Host as browsers send it: with the port when it is not the scheme's own. */
    public string $authority;
    public int $port;

    /** @param list<string> $domains */
    private function __construct(
        public readonly string $url,
        public readonly array $domains,
        public readonly string $locale,
        public readonly string $timeZone,
        public readonly string $tablePrefix,
        public readonly string $databaseHost,
        public readonly int $databasePort,
        public readonly string $databaseName,
        /** Required, Verified or Disabled. */
        public readonly string $databaseTls,
        public readonly bool $databaseLoginFromGateway,
        public readonly int $memoryLimitBytes,
        public readonly int $uploadMaxSizeBytes,
        public readonly int $maxExecutionSeconds,
        public readonly int $workers,
        public readonly bool $pageCacheEnabled,
        public readonly int $pageCacheTtlSeconds,
        /** Whether requests must prove that they come through the content delivery network. */
        public readonly bool $originClosed,
        public readonly bool $mediaInGateway,
    ) {
        preg_match('#^(https?)://([^:/]+)(?::(\d+))?$#', $url, $parts);
        $this->scheme = $parts[1];
        $this->host = $parts[2];
        $standard = $this->scheme === 'https' ? 443 : 80;
        $this->port = isset($parts[3]) ? (int) $parts[3] : $standard;
        $this->authority = $this->host . ($this->port === $standard ? '' : ':' . $this->port);
    }

    public static function configurationFolder(): string
    {
        return '/etc/tairyo';
    }

    public static function load(?string $path = null): self
    {
        return self::fromArray(self::readJson($path ?? self::configurationFolder() . '/site.json'));
    }

    /** @return array<string, mixed> */
    public static function readJson(string $path): array
    {
        $text = @file_get_contents($path);
        if ($text === false) {
            throw new ConfigurationInvalid("$path: cannot be read");
        }
        try {
            $value = json_decode($text, true, 16, JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            throw new ConfigurationInvalid("$path: not JSON: " . $error->getMessage());
        }
        if (!is_array($value)) {
            throw new ConfigurationInvalid("$path: must be a JSON object");
        }
        return $value;
    }

    /** @param array<string, mixed> $json */
    public static function fromArray(array $json): self
    {
        self::exactKeys('site.json', $json, self::SITE_KEYS);
        if ($json['schemaVersion'] !== 1) {
            throw new ConfigurationInvalid('site.json: schemaVersion: this image reads version 1');
        }
        $url = self::text('url', $json['url']);
        if (!preg_match('#^https?://([a-z0-9.-]+)(?::(\d{1,5}))?\z#', $url, $parts) || (isset($parts[2]) && !self::isPort((int) $parts[2]))) {
            throw new ConfigurationInvalid('site.json: url: must be http:// or https://, a lower-case host name and at most a port, without path or trailing slash');
        }
        $domains = $json['domains'];
        if (!is_array($domains) || !array_is_list($domains) || $domains === [] || count($domains) > 100) {
            throw new ConfigurationInvalid('site.json: domains: must be a list of 1 to 100 host names');
        }
        foreach ($domains as $index => $domain) {
            if (!self::isHostName($domain)) {
                throw new ConfigurationInvalid("site.json: domains[$index]: must be a lower-case host name of letters, digits, hyphens and dots (punycode for others)");
            }
        }
        if ($domains[0] !== $parts[1]) {
            throw new ConfigurationInvalid("site.json: domains[0]: must be the host of url, {$parts[1]}");
        }
        $locale = self::text('locale', $json['locale']);
        if (!preg_match('/^(|[a-z]{2,3}(_[A-Z]{2})?(_[a-z]+)?)\z/', $locale)) {
            throw new ConfigurationInvalid('site.json: locale: must be empty (American English) or a WordPress locale such as ja, de_DE or de_DE_formal');
        }
        $timeZone = self::text('timeZone', $json['timeZone']);
        if (!in_array($timeZone, timezone_identifiers_list(\DateTimeZone::ALL), true)) {
            throw new ConfigurationInvalid('site.json: timeZone: must be a name of the IANA time zone database such as Asia/Tokyo or UTC');
        }
        $prefix = self::text('tablePrefix', $json['tablePrefix']);
        if (!preg_match('/^[A-Za-z0-9_]{1,20}\z/', $prefix)) {
            throw new ConfigurationInvalid('site.json: tablePrefix: must be 1 to 20 of A-Z, a-z, 0-9 and _');
        }

        $database = self::object('database', $json['database'], ['host', 'port', 'name', 'tls', 'credentials']);
        $host = self::text('database.host', $database['host']);
        if (!self::isHostName(strtolower($host)) && filter_var($host, FILTER_VALIDATE_IP) === false) {
            throw new ConfigurationInvalid('site.json: database.host: must be a host name or an IP address');
        }
        if (!is_int($database['port']) || !self::isPort($database['port'])) {
            throw new ConfigurationInvalid('site.json: database.port: must be a whole number from 1 to 65535');
        }
        $name = self::text('database.name', $database['name']);
        if (!preg_match('/^[A-Za-z0-9_$-]{1,64}\z/', $name)) {
            throw new ConfigurationInvalid('site.json: database.name: must be 1 to 64 of A-Z, a-z, 0-9, _, $ and -');
        }
        self::oneOf('database.tls', $database['tls'], ['Required', 'Verified', 'Disabled']);
        self::oneOf('database.credentials', $database['credentials'], ['Secret', 'Gateway']);

        $php = self::object('php', $json['php'], ['memoryLimitBytes', 'uploadMaxSizeBytes', 'maxExecutionSeconds', 'workers']);
        $cache = self::object('pageCache', $json['pageCache'], ['enabled', 'ttlSeconds']);
        if (!is_bool($cache['enabled'])) {
            throw new ConfigurationInvalid('site.json: pageCache.enabled: must be true or false');
        }
        if (!is_bool($json['originClosed'])) {
            throw new ConfigurationInvalid('site.json: originClosed: must be true or false');
        }
        $media = self::object('media', $json['media'], ['store']);
        self::oneOf('media.store', $media['store'], ['Volume', 'Gateway']);

        return new self(
            $url,
            array_values(array_unique($domains)),
            $locale,
            $timeZone,
            $prefix,
            $host,
            $database['port'],
            $name,
            $database['tls'],
            $database['credentials'] === 'Gateway',
            self::integer('php.memoryLimitBytes', $php['memoryLimitBytes'], 32 << 20, 16 << 30),
            self::integer('php.uploadMaxSizeBytes', $php['uploadMaxSizeBytes'], 1 << 20, 16 << 30),
            self::integer('php.maxExecutionSeconds', $php['maxExecutionSeconds'], 1, 3600),
            self::integer('php.workers', $php['workers'], 0, 512),
            $cache['enabled'],
            self::integer('pageCache.ttlSeconds', $cache['ttlSeconds'], 0, 31536000),
            $json['originClosed'],
            $media['store'] === 'Gateway',
        );
    }

    /** The database's address as wpdb reads it. */
    public function databaseAddress(): string
    {
        $host = str_contains($this->databaseHost, ':') ? "[{$this->databaseHost}]" : $this->databaseHost;
        return "$host:{$this->databasePort}";
    }

    /**
     * User and password, as they are now: the gateway replaces its files when the login is rotated.
     *
     * @return array{string, string}
     */
    public function databaseLogin(): array
    {
        $folder = $this->databaseLoginFromGateway ? Gateway::CREDENTIALS . '/database' : self::configurationFolder() . '/secrets/database';
        return [self::secretFile("$folder/username"), self::secretFile("$folder/password")];
    }

    /** The flags of mysqli for this database. */
    public function databaseFlags(): int
    {
        return match ($this->databaseTls) {
            'Disabled' => 0,
            'Verified' => MYSQLI_CLIENT_SSL,
            // MYSQLI_CLIENT_SSL alone would verify the name in the certificate; MariaDB makes its own certificate, which
            // no authority signed. Encrypted is required: against a server without TLS the connection fails.
            'Required' => MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT,
        };
    }

    /**
     * The file of the authorities that may have signed the server's certificate, null when it is not verified.
     *
     * RDS has authorities of its own for each region; the names are those of
     * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html and, for China,
     * https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html.
     */
    public function databaseAuthorities(): ?string
    {
        if ($this->databaseTls !== 'Verified') {
            return null;
        }
        if (!preg_match('/\.([a-z]{2}(?:-[a-z]+)+-\d+)\.rds\.amazonaws\.com\z|\.rds\.(cn-[a-z]+-\d+)\.amazonaws\.com\.cn\z/', strtolower($this->databaseHost), $region)) {
            return '/etc/ssl/certs/ca-certificates.crt';
        }
        $file = self::AUTHORITIES . '/' . end($region) . '.pem';
        if (!is_file($file)) {
            throw new ConfigurationInvalid('site.json: database.tls: Verified: this image has no authorities of RDS in ' . end($region));
        }
        return $file;
    }

    public function isHttps(): bool
    {
        return $this->scheme === 'https';
    }

    /** One secret file; editors and `kubectl create secret --from-file` leave a line end that is not part of the secret. */
    public static function secret(string $name): string
    {
        return self::secretFile(self::configurationFolder() . '/secrets/' . $name);
    }

    private static function secretFile(string $path): string
    {
        $text = @file_get_contents($path);
        if ($text === false) {
            throw new ConfigurationInvalid("$path: cannot be read");
        }
        $text = preg_replace('/\r?\n\z/', '', $text);
        if ($text === '' || str_contains($text, "\0")) {
            throw new ConfigurationInvalid("$path: must not be empty and must not hold a NUL byte");
        }
        return $text;
    }

    public static function isHostName(mixed $value): bool
    {
        return is_string($value) && strlen($value) <= 253
            && preg_match('/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\z/', $value) === 1;
    }

    private static function isPort(int $value): bool
    {
        return $value >= 1 && $value <= 65535;
    }

    private static function text(string $key, mixed $value): string
    {
        if (!is_string($value)) {
            throw new ConfigurationInvalid("site.json: $key: must be text");
        }
        return $value;
    }

    /** @param list<string> $allowed */
    private static function oneOf(string $key, mixed $value, array $allowed): void
    {
        if (!in_array($value, $allowed, true)) {
            throw new ConfigurationInvalid("site.json: $key: must be one of " . implode(', ', $allowed));
        }
    }

    private static function integer(string $key, mixed $value, int $least, int $most): int
    {
        if (!is_int($value) || $value < $least || $value > $most) {
            throw new ConfigurationInvalid("site.json: $key: must be a whole number from $least to $most");
        }
        return $value;
    }

    /**
     * @param list<string> $keys
     * @return array<string, mixed>
     */
    private static function object(string $key, mixed $value, array $keys): array
    {
        if (!is_array($value)) {
            throw new ConfigurationInvalid("site.json: $key: must be an object");
        }
        self::exactKeys("site.json: $key", $value, $keys);
        return $value;
    }

    /**
     * @param array<string, mixed> $value
     * @param list<string> $keys
     */
    public static function exactKeys(string $where, array $value, array $keys): void
    {
        // Sorted and named: an image older than its operator must say which key it does not know, not ignore it.
        foreach (array_diff($keys, array_keys($value)) as $missing) {
            throw new ConfigurationInvalid("$where: key '$missing' is missing; all of these are needed: " . implode(', ', $keys));
        }
        foreach (array_diff(array_keys($value), $keys) as $unknown) {
            throw new ConfigurationInvalid("$where: key '$unknown' is unknown; known are: " . implode(', ', $keys));
        }
    }
}
