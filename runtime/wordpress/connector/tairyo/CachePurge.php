<?php
// SPDX-License-Identifier: GPL-2.0-or-later

declare(strict_types=1);

namespace Tairyo;

/**
 * Drops pages when something that a reader can see changes.
 *
 * A change of a published post's text touches its own page and the lists it stands in. Whatever may stand on any page
 * (menus, titles in lists of recent posts, templates, options) drops all pages: rendering anew is cheap, a stale page is not.
 */
final class CachePurge
{
    /** Options that readers see. Others change all the time (transients, cron) and must not empty the cache. */
    private const OPTIONS = [
        'blogname', 'blogdescription', 'WPLANG', 'timezone_string', 'gmt_offset', 'date_format', 'time_format', 'start_of_week',
        'posts_per_page', 'posts_per_rss', 'rss_use_excerpt', 'show_on_front', 'page_on_front', 'page_for_posts',
        'wp_page_for_privacy_policy', 'permalink_structure', 'category_base', 'tag_base', 'sticky_posts', 'stylesheet', 'template',
        'sidebars_widgets', 'site_icon', 'site_logo', 'blog_public', 'active_plugins', 'nav_menu_options', 'users_can_register',
        'comment_registration', 'require_name_email', 'default_comment_status', 'close_comments_for_old_posts',
        'close_comments_days_old', 'thread_comments', 'thread_comments_depth', 'page_comments', 'comments_per_page',
        'default_comments_page', 'comment_order', 'show_avatars', 'avatar_rating', 'avatar_default', 'use_smilies', 'blog_charset',
        'show_comments_cookies_opt_in', 'custom_logo',
    ];
    private const OPTION_PREFIXES = ['theme_mods_', 'widget_'];
    /** Post types that stand on pages other than their own. */
    private const EVERYWHERE = ['nav_menu_item', 'wp_navigation', 'wp_template', 'wp_template_part', 'wp_global_styles', 'wp_block', 'custom_css', 'wp_font_family', 'wp_font_face'];
    private const NOWHERE = ['revision', 'customize_changeset', 'oembed_cache', 'user_request'];

    private bool $all = false;
    /** @var array<string, true> */
    private array $urls = [];

    public function __construct(private readonly PageCache $cache)
    {
    }

    public function register(): void
    {
        // Before the change: afterwards the old permalink and terms are not to be had.
        add_action('pre_post_update', $this->postIsVisible(...), 10, 1);
        add_action('post_updated', $this->postUpdated(...), 10, 3);
        add_action('transition_post_status', $this->statusChanged(...), 10, 3);
        add_action('wp_after_insert_post', $this->postIsVisible(...), 10, 1);
        add_action('before_delete_post', $this->postIsVisible(...), 10, 1);
        foreach (['added_post_meta', 'updated_post_meta', 'deleted_post_meta'] as $hook) {
            add_action($hook, $this->metaChanged(...), 10, 3);
        }
        add_action('set_object_terms', $this->postIsVisible(...), 10, 1);
        foreach (['edit_attachment', 'delete_attachment', 'created_term', 'edited_term', 'delete_term', 'profile_update', 'deleted_user',
            'wp_update_nav_menu', 'wp_delete_nav_menu', 'switch_theme', 'customize_save_after', 'activated_plugin', 'deactivated_plugin'] as $hook) {
            add_action($hook, $this->everything(...), 10, 0);
        }
        foreach (['added_option', 'updated_option', 'deleted_option'] as $hook) {
            add_action($hook, $this->optionChanged(...), 10, 1);
        }
        add_action('wp_insert_comment', $this->commentChanged(...), 10, 1);
        add_action('edit_comment', $this->commentChanged(...), 10, 1);
        add_action('transition_comment_status', fn (mixed $new, mixed $old, \WP_Comment $comment) => $this->commentOf((int) $comment->comment_post_ID), 10, 3);
        add_action('delete_comment', $this->commentChanged(...), 10, 1);

        // Before the editor hears that it is done: who looks at once must see the new page. Once more at the end,
        // for what changed after that.
        add_filter('rest_pre_echo_response', $this->flushFilter(...), PHP_INT_MAX);
        add_filter('wp_redirect', $this->flushFilter(...), PHP_INT_MAX);
        add_action('wp_after_insert_post', $this->flush(...), PHP_INT_MAX, 0);
        add_action('shutdown', $this->flush(...), 0, 0);
    }

    public function flush(): void
    {
        if ($this->all) {
            $this->cache->purgeAll();
        } elseif ($this->urls !== []) {
            $this->cache->purge(array_keys($this->urls));
        }
        $this->all = false;
        $this->urls = [];
    }

    private function flushFilter(mixed $value): mixed
    {
        $this->flush();
        return $value;
    }

    private function everything(): void
    {
        $this->all = true;
    }

    private function optionChanged(string $name): void
    {
        foreach (self::OPTION_PREFIXES as $prefix) {
            if (str_starts_with($name, $prefix)) {
                $this->all = true;
                return;
            }
        }
        $this->all = $this->all || in_array($name, self::OPTIONS, true);
    }

    private function statusChanged(string $new, string $old, \WP_Post $post): void
    {
        // Appearing and disappearing changes lists, menus and neighbours anywhere.
        if ($new !== $old && ($new === 'publish' || $old === 'publish') && !in_array($post->post_type, self::NOWHERE, true)) {
            $this->all = true;
        }
    }

    private function postUpdated(int $id, \WP_Post $after, \WP_Post $before): void
    {
        if ($before->post_status !== 'publish' && $after->post_status !== 'publish') {
            return;
        }
        foreach (['post_title', 'post_name', 'post_parent', 'post_author', 'post_date', 'post_password', 'menu_order', 'post_type'] as $field) {
            // These stand on pages that nobody can list: recent posts, neighbours, menus.
            if ($after->$field !== $before->$field) {
                $this->all = true;
            }
        }
    }

    private function metaChanged(mixed $metaId, int $postId, string $key): void
    {
        // WordPress' own notes about editing.
        if (!in_array($key, ['_edit_lock', '_edit_last', '_encloseme', '_pingme'], true)) {
            $this->postIsVisible($postId);
        }
    }

    private function commentChanged(int|string $id): void
    {
        $comment = get_comment((int) $id);
        if ($comment instanceof \WP_Comment && $comment->comment_approved === '1') {
            $this->commentOf((int) $comment->comment_post_ID);
        }
    }

    private function commentOf(int $postId): void
    {
        $this->postIsVisible($postId);
        $this->urls[home_url('/comments')] = true;
    }

    private function postIsVisible(int|string $id): void
    {
        $post = get_post((int) $id);
        if (!$post instanceof \WP_Post || in_array($post->post_type, self::NOWHERE, true)) {
            return;
        }
        if (in_array($post->post_type, self::EVERYWHERE, true)) {
            $this->all = $this->all || in_array($post->post_status, ['publish', 'trash'], true);
            return;
        }
        if ($this->all || $post->post_status !== 'publish') {
            return;
        }
        $urls = [get_permalink($post), home_url('/'), get_post_type_archive_link($post->post_type), get_author_posts_url((int) $post->post_author)];
        $postsPage = (int) get_option('page_for_posts');
        if ($postsPage > 0) {
            $urls[] = get_permalink($postsPage);
        }
        $time = (int) get_post_timestamp($post);
        [$year, $month, $day] = array_map(intval(...), explode(' ', wp_date('Y n j', $time) ?: '0 0 0'));
        array_push($urls, get_year_link($year), get_month_link($year, $month), get_day_link($year, $month, $day));
        foreach (get_object_taxonomies($post->post_type, 'objects') as $taxonomy) {
            if (!$taxonomy->publicly_queryable) {
                continue;
            }
            foreach (get_the_terms($post, $taxonomy->name) ?: [] as $term) {
                if (!$term instanceof \WP_Term) {
                    continue;
                }
                // A post stands in the archives of its category's parents, too.
                foreach ([$term->term_id, ...get_ancestors($term->term_id, $taxonomy->name, 'taxonomy')] as $termId) {
                    $urls[] = get_term_link((int) $termId, $taxonomy->name);
                }
            }
        }
        foreach ($urls as $url) {
            if (is_string($url) && $url !== '') {
                $this->urls[$url] = true;
            }
        }
    }
}
