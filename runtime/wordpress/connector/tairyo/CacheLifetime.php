<?php
// SPDX-License-Identifier: GPL-2.0-or-later

declare(strict_types=1);

namespace Tairyo;

/** Decides how long nginx may keep a response. Nothing is kept unless this says so. */
final class CacheLifetime
{
    /** Anyone can make up any number of these; they must not push the real pages out. */
    private const SHORT_SECONDS = 10;

    private string $generation = '';
    private bool $isPage = false;

    public function __construct(private readonly PageCache $cache, private readonly int $seconds)
    {
    }

    public function register(): void
    {
        if (PHP_SAPI === 'cli') {
            return;
        }
        $this->generation = $this->cache->generation();
        // The answer for all that never reaches a template: admin, login, REST, AJAX, errors.
        header('X-Accel-Expires: 0');
        // Before redirect_canonical at 10, whose redirects may be kept as well.
        add_action('template_redirect', $this->begin(...), 0);
    }

    private function begin(): void
    {
        $this->isPage = true;
        // Decided when the page is complete: only then status, cookies and DONOTCACHEPAGE are known.
        ob_start(function (string $page): string {
            $this->send();
            return $page;
        });
        // Redirects end without the buffer's callback being given a page first; they are decided on their own.
        add_filter('wp_redirect', function (mixed $location): mixed {
            if (!headers_sent()) {
                header('X-Accel-Expires: 0');
            }
            $this->isPage = false;
            return $location;
        }, PHP_INT_MAX);
        $this->send();
    }

    private function send(): void
    {
        if (!headers_sent() && $this->isPage) {
            header('X-Accel-Expires: ' . $this->lifetime());
        }
    }

    private function lifetime(): int
    {
        $method = $_SERVER['REQUEST_METHOD'] ?? 'GET';
        if (!in_array($method, ['GET', 'HEAD'], true) || is_user_logged_in() || is_preview() || is_customize_preview()) {
            return 0;
        }
        if (defined('DONOTCACHEPAGE') && DONOTCACHEPAGE) {
            return 0;
        }
        // The page after commenting shows the comment that awaits approval to its author alone.
        if (isset($_GET['unapproved']) || isset($_GET['moderation-hash'])) {
            return 0;
        }
        foreach (headers_list() as $header) {
            if (stripos($header, 'Set-Cookie:') === 0) {
                return 0;
            }
        }
        if ($this->generation !== $this->cache->generation()) {
            return 0;
        }
        $object = get_queried_object();
        if (is_singular() && $object instanceof \WP_Post && $object->post_password !== '') {
            return 0;
        }
        $status = http_response_code();
        if (is_404() || $status === 404 || is_search()) {
            return min(self::SHORT_SECONDS, $this->seconds);
        }
        return $status === 200 ? $this->seconds : 0;
    }
}
