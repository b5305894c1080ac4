<?php
// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Plugin Name: Tairyo connector
 * Description: Tells the page cache in front of this site what may be kept and for how long, drops pages that changed, and keeps uploads where the site's class puts them.
 * Version: 1.0
 * License: GPL-2.0-or-later
 */

declare(strict_types=1);

if (!defined('TAIRYO_PAGE_CACHE_TTL')) {
    return;
}

require_once __DIR__ . '/tairyo/PageCache.php';
require_once __DIR__ . '/tairyo/CacheLifetime.php';
require_once __DIR__ . '/tairyo/CachePurge.php';
require_once __DIR__ . '/tairyo/MediaClient.php';
require_once __DIR__ . '/tairyo/MediaStream.php';
require_once __DIR__ . '/tairyo/Media.php';

(function (): void {
    $cache = new Tairyo\PageCache(TAIRYO_PAGE_CACHE_FOLDER, WP_HOME);
    (new Tairyo\CacheLifetime($cache, TAIRYO_PAGE_CACHE_TTL))->register();
    (new Tairyo\CachePurge($cache))->register();
    if (TAIRYO_MEDIA_IN_GATEWAY) {
        (new Tairyo\Media())->register();
    }
})();

// robots.txt and the start page name only what exists here.
add_filter('xmlrpc_enabled', '__return_false');
remove_action('wp_head', 'rsd_link');
