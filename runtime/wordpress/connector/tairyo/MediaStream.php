<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * tairyo-media://uploads/…: the uploads as PHP's own file functions see them.
 *
 * A file that is read is fetched whole into a temporary file first, since readers of images seek; one that is written
 * is sent when it is closed. PHP tells nobody that closing failed, so failures are also kept for who asks afterwards.
 */

declare(strict_types=1);

namespace Tairyo;

final class MediaStream
{
    public const SCHEME = 'tairyo-media';
    public const ROOT = self::SCHEME . '://uploads';
    private const FILE = 0100666;
    private const FOLDER = 0040777;
    /** Smaller files stay in memory. */
    private const MEMORY_BYTES = 2 << 20;

    /** @var resource|null set by PHP */
    public $context;
    /** @var resource */
    private $file;
    private string $path = '';
    private bool $writes = false;
    private bool $changed = false;
    /** @var list<string> */
    private array $names = [];

    /** @var array<string, array{size: int, modified: int}|false> what was asked in this request */
    private static array $known = [];
    /** @var array<string, true> folders that were made: a bucket has none */
    private static array $folders = [];
    /** @var array<string, true> */
    private static array $failed = [];

    public static function register(): void
    {
        if (!in_array(self::SCHEME, stream_get_wrappers(), true)) {
            stream_wrapper_register(self::SCHEME, self::class);
        }
    }

    /** Whether writing the file failed in this request. */
    public static function hasFailed(string $url): bool
    {
        return isset(self::$failed[self::pathOf($url)]);
    }

    public static function pathOf(string $url): string
    {
        $path = substr($url, strlen(self::SCHEME) + 3);
        return trim((string) preg_replace('#^uploads(?=/|$)#', '', $path), '/');
    }

    public function stream_open(string $url, string $mode, int $options, ?string &$opened): bool
    {
        $this->path = self::pathOf($url);
        $this->file = fopen('php://temp/maxmemory:' . self::MEMORY_BYTES, 'w+');
        $this->writes = strpbrk($mode, 'waxc+') !== false;
        $exists = null;
        if ($mode[0] === 'x') {
            $exists = self::describe($this->path) !== null;
            if ($exists) {
                return $this->refuse($options, "$url exists");
            }
        }
        if (in_array($mode[0], ['r', 'a', 'c'], true)) {
            $found = self::describe($this->path) !== null && MediaClient::read($this->path, $this->file);
            if (!$found && $mode[0] === 'r') {
                return $this->refuse($options, "$url cannot be read");
            }
        }
        // An empty file that was opened to be written is a file.
        $this->changed = $mode[0] === 'w' || $mode[0] === 'x';
        fseek($this->file, 0, $mode[0] === 'a' ? SEEK_END : SEEK_SET);
        return true;
    }

    public function stream_read(int $count): string|false
    {
        return fread($this->file, $count);
    }

    public function stream_write(string $data): int
    {
        if (!$this->writes) {
            return 0;
        }
        $this->changed = true;
        return (int) fwrite($this->file, $data);
    }

    public function stream_eof(): bool
    {
        return feof($this->file);
    }

    public function stream_tell(): int
    {
        return (int) ftell($this->file);
    }

    public function stream_seek(int $offset, int $whence = SEEK_SET): bool
    {
        return fseek($this->file, $offset, $whence) === 0;
    }

    public function stream_truncate(int $size): bool
    {
        $this->changed = true;
        return ftruncate($this->file, $size);
    }

    /** @return array<int|string, int> */
    public function stream_stat(): array
    {
        return self::status(self::FILE, (int) fstat($this->file)['size'], time());
    }

    public function stream_flush(): bool
    {
        if (!$this->changed) {
            return true;
        }
        $position = (int) ftell($this->file);
        $size = (int) fstat($this->file)['size'];
        rewind($this->file);
        $written = MediaClient::write($this->path, $this->file, $size, self::typeOf($this->path));
        fseek($this->file, $position);
        $this->changed = !$written;
        unset(self::$known[$this->path], self::$failed[$this->path]);
        if ($written) {
            self::$known[$this->path] = ['size' => $size, 'modified' => time()];
        } else {
            self::$failed[$this->path] = true;
            trigger_error('the upload ' . basename($this->path) . ' was not stored', E_USER_WARNING);
        }
        return $written;
    }

    public function stream_close(): void
    {
        fclose($this->file);
    }

    public function stream_lock(int $operation): bool
    {
        return true;
    }

    public function stream_set_option(int $option, int $first, ?int $second): bool
    {
        return false;
    }

    /** Modes and times are the bucket's own. */
    public function stream_metadata(string $url, int $option, mixed $value): bool
    {
        if ($option === STREAM_META_TOUCH && self::describe(self::pathOf($url)) === null) {
            return file_put_contents($url, '') === 0;
        }
        return true;
    }

    /** @return array<int|string, int>|false */
    public function url_stat(string $url, int $flags): array|false
    {
        $path = self::pathOf($url);
        if ($path === '' || isset(self::$folders[$path])) {
            return self::status(self::FOLDER, 0, 0);
        }
        $found = self::describe($path);
        if ($found !== null) {
            return self::status(self::FILE, $found['size'], $found['modified']);
        }
        // Names of folders have no extension as a rule; asking for each missing file would double every question.
        if (!str_contains(basename($path), '.')) {
            $listing = MediaClient::list("$path/");
            if ($listing !== null && ($listing['files'] !== [] || $listing['folders'] !== [])) {
                self::$folders[$path] = true;
                return self::status(self::FOLDER, 0, 0);
            }
        }
        if (!($flags & STREAM_URL_STAT_QUIET)) {
            trigger_error("$url is not there", E_USER_WARNING);
        }
        return false;
    }

    public function unlink(string $url): bool
    {
        $path = self::pathOf($url);
        unset(self::$known[$path]);
        return MediaClient::delete($path);
    }

    public function rename(string $from, string $to): bool
    {
        [$from, $to] = [self::pathOf($from), self::pathOf($to)];
        unset(self::$known[$from], self::$known[$to]);
        return MediaClient::copy($from, $to) && MediaClient::delete($from);
    }

    public function mkdir(string $url, int $mode, int $options): bool
    {
        self::$folders[self::pathOf($url)] = true;
        return true;
    }

    public function rmdir(string $url, int $options): bool
    {
        unset(self::$folders[self::pathOf($url)]);
        return true;
    }

    public function dir_opendir(string $url, int $options): bool
    {
        $path = self::pathOf($url);
        $listing = MediaClient::list($path === '' ? '' : "$path/");
        $this->names = $listing === null ? [] : [...array_column($listing['files'], 'name'), ...$listing['folders']];
        return $listing !== null;
    }

    public function dir_readdir(): string|false
    {
        $name = current($this->names);
        next($this->names);
        return $name;
    }

    public function dir_rewinddir(): bool
    {
        reset($this->names);
        return true;
    }

    public function dir_closedir(): bool
    {
        $this->names = [];
        return true;
    }

    /** @return array{size: int, modified: int}|null */
    private static function describe(string $path): ?array
    {
        if ($path === '') {
            return null;
        }
        self::$known[$path] ??= MediaClient::describe($path) ?? false;
        return self::$known[$path] ?: null;
    }

    /** @return array<int|string, int> */
    private static function status(int $mode, int $size, int $modified): array
    {
        $values = [
            'dev' => 0, 'ino' => 0, 'mode' => $mode, 'nlink' => 1, 'uid' => 0, 'gid' => 0, 'rdev' => 0,
            'size' => $size, 'atime' => $modified, 'mtime' => $modified, 'ctime' => $modified, 'blksize' => -1, 'blocks' => -1,
        ];
        return [...array_values($values), ...$values];
    }

    private static function typeOf(string $path): string
    {
        $type = wp_check_filetype(basename($path), wp_get_mime_types())['type'];
        return is_string($type) ? $type : match (strtolower(pathinfo($path, PATHINFO_EXTENSION))) {
            'svg', 'svgz' => 'image/svg+xml',
            'json' => 'application/json',
            'xml' => 'application/xml',
            'woff2' => 'font/woff2',
            default => 'application/octet-stream',
        };
    }

    private function refuse(int $options, string $text): bool
    {
        if ($options & STREAM_REPORT_ERRORS) {
            trigger_error($text, E_USER_WARNING);
        }
        return false;
    }
}
