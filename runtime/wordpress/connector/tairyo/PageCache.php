<?php
// SPDX-License-Identifier: GPL-2.0-or-later

declare(strict_types=1);

namespace Tairyo;

/**
 * The files of nginx' page cache in this pod, seen from php.
 *
 * A file's name is the MD5 of its key, but one page has many keys: with and without a slash or a query string, and with
 * percent-encoding in either case. So pages are found by the key that each file holds in its first bytes.
 */
final class PageCache
{
    /** nginx writes "\nKEY: <key>\n" after a binary header of a few hundred bytes. */
    private const HEAD_BYTES = 8192;
    /** Reading more heads than this takes longer than rendering the front page anew. */
    private const MOST_FILES = 5000;

    public function __construct(private readonly string $folder, private readonly string $home)
    {
    }

    /**
     * A number that changes with every purge. A page that was being rendered while it changed must not be kept: it was
     * read from the database before the edit and would be stored after the purge.
     */
    public function generation(): string
    {
        clearstatcache(true, $this->mark());
        $text = @file_get_contents($this->mark());
        return $text === false ? '' : $text;
    }

    /** Drops every page. */
    public function purgeAll(): void
    {
        $this->next();
        foreach ($this->files() as $file) {
            @unlink($file);
        }
    }

    /**
     * Drops the pages with these paths, whatever their query strings, and their feeds and numbered pages.
     *
     * @param list<string> $urls
     */
    public function purge(array $urls): void
    {
        $paths = [];
        foreach ($urls as $url) {
            $paths[$this->path($url)] = true;
        }
        $this->next();
        $read = 0;
        foreach ($this->files() as $file) {
            if (++$read > self::MOST_FILES) {
                $this->purgeAll();
                return;
            }
            $key = $this->key($file);
            // A file without a readable key may be any page.
            if ($key === null || $this->covers($paths, $this->path($key))) {
                @unlink($file);
            }
        }
    }

    /** @param array<string, true> $paths */
    private function covers(array $paths, string $path): bool
    {
        if (isset($paths[$path])) {
            return true;
        }
        $parent = preg_replace('#/(?:page/\d+|comment-page-\d+|\d+|feed(?:/(?:rss|rss2|atom|rdf))?|embed)\z#', '', $path);
        return $parent !== $path && isset($paths[$parent]);
    }

    /** The path of a URL in one spelling: decoded, lower case, without query and end slash. The front page is ''. */
    private function path(string $url): string
    {
        if (str_starts_with($url, $this->home)) {
            $url = substr($url, strlen($this->home));
        }
        $path = rawurldecode((string) preg_replace('/[?#].*\z/s', '', $url));
        return mb_strtolower(rtrim((string) preg_replace('#/{2,}#', '/', $path), '/'), 'UTF-8');
    }

    private function key(string $file): ?string
    {
        $head = @file_get_contents($file, false, null, 0, self::HEAD_BYTES);
        if ($head === false) {
            return '';
        }
        return preg_match('/\nKEY: ([^\n]*)\n/', $head, $match) === 1 ? $match[1] : null;
    }

    /** @return iterable<string> */
    private function files(): iterable
    {
        // nginx removes files meanwhile; glob() forgives that, an iterator over folders would throw.
        foreach (glob($this->folder . '/pages/?/??', GLOB_ONLYDIR | GLOB_NOSORT) ?: [] as $folder) {
            foreach (glob("$folder/*", GLOB_NOSORT) ?: [] as $file) {
                yield $file;
            }
        }
    }

    private function mark(): string
    {
        return $this->folder . '/generation';
    }

    private function next(): void
    {
        // No such folder in the pods of tasks: they have no page cache to purge.
        if (is_dir($this->folder . '/pages')) {
            @file_put_contents($this->mark(), bin2hex(random_bytes(8)), LOCK_EX);
        }
    }
}
