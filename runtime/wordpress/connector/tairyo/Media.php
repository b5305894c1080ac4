<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/** Keeps WordPress' uploads in the bucket, under the addresses that they would have on a disk. */

declare(strict_types=1);

namespace Tairyo;

final class Media
{
    public function register(): void
    {
        MediaStream::register();
        add_filter('upload_dir', $this->folder(...));
        add_filter('wp_handle_upload', $this->stored(...));
        add_filter('wp_handle_sideload', $this->stored(...));
        add_filter('pre_wp_unique_filename_file_list', $this->names(...), 10, 3);
    }

    /**
     * @param array<string, mixed> $folder
     * @return array<string, mixed>
     */
    private function folder(array $folder): array
    {
        $folder['basedir'] = MediaStream::ROOT;
        $folder['path'] = MediaStream::ROOT . $folder['subdir'];
        // There is no folder to make.
        $folder['error'] = false;
        return $folder;
    }

    /**
     * Without this, an upload that did not reach the bucket would become an attachment of nothing.
     *
     * @param array<string, mixed> $upload
     * @return array<string, mixed>
     */
    private function stored(array $upload): array
    {
        $file = $upload['file'] ?? '';
        if (is_string($file) && str_starts_with($file, MediaStream::ROOT) && MediaStream::hasFailed($file)) {
            return ['error' => 'The file could not be stored. Please try again.'];
        }
        return $upload;
    }

    /**
     * The names that a new one must differ from. WordPress would list the whole month for each upload.
     *
     * @param list<string>|null $names
     * @return list<string>|null
     */
    private function names(?array $names, string $folder, string $name): ?array
    {
        if (!str_starts_with($folder, MediaStream::ROOT)) {
            return $names;
        }
        $path = MediaStream::pathOf($folder);
        $listing = MediaClient::list(($path === '' ? '' : "$path/") . pathinfo($name, PATHINFO_FILENAME));
        return $listing === null ? $names : array_column($listing['files'], 'name');
    }
}
