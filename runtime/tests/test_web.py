"""nginx, php-fpm and the connector in one pod."""
import concurrent.futures
import gzip
import json
import re
import threading
import time
import unittest

import pod
from pod import get, wait_until

CODE = "$admin = get_users(['role' => 'administrator'])[0]; wp_set_current_user($admin->ID); "


def setUpModule():
    global site, database, post, cookie, password
    database = pod.Database()
    database.up()
    site = pod.WordPress()
    site.up()
    # Before the installation, in this order, because readiness is latched.
    Probes.before = get("/readyz", port=8081)
    status, answer = site.task("install")
    assert status == 0, answer
    post = int(site.php_code(CODE + "echo wp_insert_post(['post_title' => 'First', 'post_name' => 'first', 'post_content' => 'before', 'post_status' => 'publish']);"))
    cookie = site.php_code(CODE + "echo LOGGED_IN_COOKIE . '=' . wp_generate_auth_cookie($admin->ID, time() + 3600, 'logged_in');")
    password = site.php_code(CODE + "add_filter('wp_is_application_passwords_available', '__return_true'); echo base64_encode('admin:' . WP_Application_Passwords::create_new_application_password($admin->ID, ['name' => 'test'])[0]);")
    # The theme makes its navigation menu when it is first rendered, and a new menu drops all pages.
    get("/")
    purge()


def tearDownModule():
    site.down()
    database.down()


def pages():
    return [path for path in site.path("/var/cache/tairyo/pages").rglob("*") if path.is_file()]


def purge():
    for page in pages():
        page.unlink()


def rest(path, method="POST", **fields):
    answer = get(f"/wp-json/wp/v2/{path}", method=method, body=json.dumps(fields), Authorization=f"Basic {password}", Content_Type="application/json")
    assert answer.status in (200, 201), answer.text
    return json.loads(answer.text)


def cached(path):
    """Fetches a page until it comes from the cache."""
    get(path)
    answer = get(path)
    assert answer.cache == "HIT", f"{path}: {answer.status} {answer.cache} {answer.headers}"
    return answer


class Probes(unittest.TestCase):
    before = None

    def test_not_ready_before_installation(self):
        self.assertEqual(self.before.status, 503)
        self.assertIn("not installed", self.before.text)

    def test_health_port(self):
        self.assertEqual(get("/livez", host="10.0.0.7", port=8081).status, 200)
        self.assertEqual(get("/readyz", host="10.0.0.7", port=8081).status, 200)
        self.assertIn("max active processes", get("/fpm-status", port=8081).text)
        self.assertEqual(get("/", port=8081).status, 404)

    def test_health_pages_are_not_public(self):
        for path in ("/fpm-status", "/fpm-ping", "/livez", "/readyz"):
            self.assertEqual(get(path).status, 404, path)


class Hosts(unittest.TestCase):
    def test_other_hosts_are_misdirected(self):
        for host in ("evil.example.net", "10.0.0.7", "blog.example.com.evil.net"):
            answer = get("/", host=host)
            self.assertEqual((answer.status, answer.cache), (421, None), host)

    def test_alias_redirects_to_the_canonical_host(self):
        answer = get("/a?b=1", host="www.example.com")
        self.assertEqual((answer.status, answer.headers["Location"]), (301, "https://blog.example.com/a?b=1"))

    def test_http_redirects_to_https(self):
        answer = get("/a?b=1", X_Forwarded_Proto="http")
        self.assertEqual((answer.status, answer.headers["Location"]), (301, "https://blog.example.com/a?b=1"))
        for headers in ({}, {"X_Forwarded_Proto": "https"}, {"X_Forwarded_Proto": "nonsense"}):
            self.assertEqual(get("/", **headers).status, 200)

    def test_port_in_host_header(self):
        self.assertEqual(get("/", host="blog.example.com:8443").status, 200)

    def test_canonical_path(self):
        answer = get("/first")
        self.assertEqual((answer.status, answer.headers["Location"]), (301, "https://blog.example.com/first/"))
        self.assertNotIn("http://", answer.headers["Location"])

    def test_login_goes_over_https(self):
        answer = get("/wp-admin/")
        self.assertEqual(answer.status, 302)
        self.assertTrue(answer.headers["Location"].startswith("https://blog.example.com/wp-login.php"))


class Blocked(unittest.TestCase):
    def test_paths(self):
        uploads = site.path("/srv/wordpress/wp-content/uploads")
        (uploads / "evil.php").write_text("<?php echo 'executed';")
        (uploads / "evil.php.jpg").write_text("<?php echo 'executed';")
        for path in ("/xmlrpc.php", "/wp-admin/install.php", "/wp-admin/setup-config.php", "/wp-config.php", "/wp-cron.php", "/.git/config", "/.env", "/wp-content/.htaccess",
                     "/wp-content/uploads/evil.php", "/wp-content/uploads/evil.php/x.jpg", "/wp-content/uploads/EVIL.PHP", "/wp-content/uploads/.hidden", "/wp-includes/version.php",
                     "/wp-content/mu-plugins/tairyo-connector.php", "//xmlrpc.php", "/wp-content/languages/ja.mo", "/absent.php", "/wp-content/uploads/absent.jpg",
                     "/wp-login.php/../xmlrpc.php", "/index.php/../wp-config.php", "/%77p-config.php"):
            with self.subTest(path=path):
                answer = get(path)
                self.assertIn(answer.status, (403, 404))
                self.assertNotIn("executed", answer.text)
        answer = get("/wp-content/uploads/evil.php.jpg")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "image/jpeg"))
        self.assertIn("<?php", answer.text)

    def test_script_in_uploads_is_sandboxed(self):
        (site.path("/srv/wordpress/wp-content/uploads") / "x.svg").write_text("<svg/>")
        self.assertIn("sandbox", get("/wp-content/uploads/x.svg").headers["Content-Security-Policy"])


class Files(unittest.TestCase):
    def test_versioned_files_are_kept_for_ever(self):
        path = "/wp-includes/css/dist/block-library/style.min.css"
        answer = get(path + "?ver=7.1", Accept_Encoding="gzip")
        self.assertEqual(answer.headers["Cache-Control"], "public, max-age=31536000, immutable")
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertEqual(get(path).headers["Cache-Control"], "public, max-age=86400")

    def test_headers(self):
        for path in ("/", "/wp-login.php", "/wp-includes/css/dashicons.min.css"):
            answer = get(path)
            self.assertEqual(answer.status, 200, path)
            self.assertEqual(answer.headers.get_all("X-Content-Type-Options"), ["nosniff"])
            self.assertEqual(len(answer.headers.get_all("X-Frame-Options")), 1)
            self.assertEqual(answer.headers["Server"], "nginx")
            self.assertIsNone(answer.headers["X-Powered-By"])
            self.assertIsNone(answer.headers["X-Accel-Expires"])

    def test_robots(self):
        self.assertIn("Disallow: /wp-admin/", get("/robots.txt").text)

    def test_log_is_json_without_secrets(self):
        get("/log-me?key=topsecret", Cookie="wordpress_logged_in_x=topsecret", Authorization="Basic topsecret", Referer="https://a.example/x?token=topsecret", User_Agent='a"b\\c\n'.strip())
        line = wait_until("the request is logged", lambda: next((line for line in site.web.text().splitlines() if "log-me" in line), None))
        record = json.loads(line)
        self.assertEqual((record["path"], record["status"], record["referer"], record["userAgent"]), ("/log-me", 404, "https://a.example/x", 'a"b\\c'))
        self.assertNotIn("topsecret", site.web.text() + site.php.text())


class Cache(unittest.TestCase):
    def setUp(self):
        purge()

    def test_miss_then_hit(self):
        started = time.monotonic()
        answer = get("/")
        uncached = time.monotonic() - started
        self.assertEqual((answer.status, answer.cache), (200, "MISS"))
        started = time.monotonic()
        answer = get("/", Accept_Encoding="gzip")
        hit = time.monotonic() - started
        self.assertEqual((answer.status, answer.cache), (200, "HIT"))
        self.assertIn("ブログ", gzip.decompress(answer.raw).decode())
        pod.measurements.append(f"front page: {uncached * 1000:.0f} ms uncached, {hit * 1000:.1f} ms cached")

    def test_head_fills_the_page(self):
        answer = get("/", method="HEAD")
        self.assertEqual((answer.status, answer.cache, answer.raw), (200, "MISS", b""))
        answer = get("/")
        self.assertEqual(answer.cache, "HIT")
        self.assertIn("</html>", answer.text)

    def test_bypass(self):
        cached("/")
        for headers in ({"Cookie": "a=b; wordpress_logged_in_abc=x"}, {"Cookie": "comment_author_abc=x"}, {"Cookie": "wp-postpass_abc=x"}, {"Cookie": "wordpress_sec_a=x"}, {"Authorization": "Basic YTpi"}):
            with self.subTest(headers=headers):
                self.assertEqual(get("/", **headers).cache, "BYPASS")
        self.assertEqual(get("/", method="POST", body="").cache, "BYPASS")
        self.assertEqual(get("/", Cookie="wordpress_test_cookie=x; other=y").cache, "HIT")

    def test_not_kept(self):
        private = site.php_code(CODE + "$id = wp_insert_post(['post_title' => 'secret', 'post_status' => 'publish', 'post_password' => 'x']); echo wp_make_link_relative(get_permalink($id));")
        for path in (private, "/wp-json/wp/v2/posts", "/wp-login.php", "/first/?unapproved=1&moderation-hash=x", "/first"):
            with self.subTest(path=path):
                get(path)
                self.assertEqual(get(path).cache, "MISS")
        page = get("/", Cookie=cookie)
        self.assertEqual(page.cache, "BYPASS")
        self.assertIn("wp-admin-bar", page.text.replace("wpadminbar", "wp-admin-bar"))
        self.assertNotIn("wpadminbar", get("/").text)

    def test_short_for_what_anyone_makes_up(self):
        for path in ("/?s=x", "/absent/"):
            cached(path)
            with self.subTest(path=path):
                wait_until("it expired", lambda: get(path).cache != "HIT", 15)

    def test_stampede_renders_once(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: get("/first/?stampede"), range(8)))
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual(sorted(answer.cache for answer in answers), ["HIT"] * 7 + ["MISS"])


class Purge(unittest.TestCase):
    def setUp(self):
        purge()

    def test_edited_post_is_fresh_at_once_in_every_spelling(self):
        for path in ("/first/", "/first/?utm_source=x", "/", "/feed/", "/author/admin/"):
            cached(path)
        cached("/sample-page/")
        rest(f"posts/{post}", content="after the edit")
        for path in ("/first/", "/first/?utm_source=x"):
            answer = get(path)
            self.assertEqual(answer.cache, "MISS", path)
            self.assertIn("after the edit", answer.text)
        for path in ("/", "/feed/", "/author/admin/"):
            self.assertEqual(get(path).cache, "MISS", path)
        self.assertEqual(get("/sample-page/").cache, "HIT")

    def test_japanese_slug(self):
        made = rest("posts", title="京都の紅葉", slug="京都の紅葉", status="publish", content="あか")
        path = made["link"].removeprefix("https://blog.example.com")
        self.assertIn("%e4", path)
        upper = re.sub(r"%..", lambda match: match[0].upper(), path)
        cached(path)
        cached(upper)
        rest(f"posts/{made['id']}", content="きいろ")
        for spelling in (path, upper):
            self.assertIn("きいろ", get(spelling).text)

    def test_publish_trash_and_slug_change(self):
        cached("/sample-page/")
        made = rest("posts", title="Comes", slug="comes", status="publish", content="x")
        self.assertEqual(get("/sample-page/").cache, "MISS")
        cached("/comes/")
        rest(f"posts/{made['id']}", slug="goes")
        self.assertEqual(get("/comes/").status, 301)
        cached("/goes/")
        rest(f"posts/{made['id']}", method="DELETE")
        self.assertEqual(get("/goes/").status, 404)

    def test_draft_and_transients_keep_the_cache(self):
        cached("/")
        made = rest("posts", title="Draft", status="draft")
        rest(f"posts/{made['id']}", content="more")
        self.assertEqual(get("/").cache, "HIT")

    def test_option(self):
        cached("/first/")
        rest("settings", description="A new tag line")
        self.assertEqual(get("/first/").cache, "MISS")

    def test_comment(self):
        cached("/first/")
        cached("/sample-page/")
        rest("comments", post=post, content="What a comment")
        answer = get("/first/")
        self.assertIn("What a comment", answer.text)
        self.assertEqual(get("/sample-page/").cache, "HIT")

    def test_menu(self):
        cached("/first/")
        rest("navigation", title="Menu", status="publish", content='<!-- wp:navigation-link {"label":"x","url":"/x"} /-->')
        self.assertEqual(get("/first/").cache, "MISS")

    def test_page_rendered_during_an_edit_is_not_kept(self):
        # The reader's page stands still in the middle: its query waits for a table that this test holds.
        holder = database.start("mariadb", "-e", "LOCK TABLES wordpress.wp_posts WRITE; DO SLEEP(60)")
        wait_until("the table is held", lambda: "SLEEP" in database.sql("SHOW PROCESSLIST"))
        reader = {}
        thread = threading.Thread(target=lambda: reader.update(answer=get("/first/?slow")))
        thread.start()
        wait_until("the reader waits", lambda: "metadata lock" in database.sql("SHOW PROCESSLIST"))
        # What an editor's request does meanwhile.
        self.purge_without_posts()
        database.sql("KILL QUERY " + database.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'"))
        thread.join()
        holder.process.wait()
        self.assertEqual((reader["answer"].status, reader["answer"].cache), (200, "MISS"))
        self.assertEqual(get("/first/?slow").cache, "MISS")
        self.assertEqual(get("/first/?slow").cache, "HIT")

    def purge_without_posts(self):
        result = site.run("php", input="<?php require '/srv/wordpress/wp-content/mu-plugins/tairyo/PageCache.php'; (new Tairyo\\PageCache('/var/cache/tairyo', 'https://blog.example.com'))->purge(['https://blog.example.com/first/']);")
        self.assertEqual(result.returncode, 0, result.stderr)


class Stale(unittest.TestCase):
    def test_database_gone(self):
        purge()
        cached("/")
        get("/?s=stale")
        self.assertEqual(get("/?s=stale").cache, "HIT")
        self.assertEqual(get("/readyz", port=8081).status, 200)
        database.down()
        try:
            started = time.monotonic()
            seen = set()
            # Ten seconds is how long a search is fresh: first HIT, then kept alive.
            wait_until("the page is stale", lambda: seen.add(self.still("/?s=stale")) or "STALE" in seen or "UPDATING" in seen, 20)
            self.assertEqual(self.still("/?s=stale") in ("STALE", "UPDATING"), True)
            self.assertLess(time.monotonic() - started, 20)
            self.assertEqual(get("/readyz", port=8081).status, 200)
            self.assertEqual(get("/first/?never-seen").status, 500)
            self.assertEqual(site.run("/usr/local/bin/tairyo-wordpress", "probe", "php").returncode, 0)
        finally:
            database.up()
        wait_until("the page is fresh again", lambda: get("/?s=stale").cache == "HIT", 20)

    def still(self, path):
        answer = get(path, timeout=15)
        self.assertEqual(answer.status, 200)
        return answer.cache


class ZStop(unittest.TestCase):
    """Last, because it ends the pod; starts it again for the module's own end."""

    def test_requests_in_progress_are_finished(self):
        holder = database.start("mariadb", "-e", "LOCK TABLES wordpress.wp_posts WRITE; DO SLEEP(60)")
        wait_until("the table is held", lambda: "SLEEP" in database.sql("SHOW PROCESSLIST"))
        reader = {}
        thread = threading.Thread(target=lambda: reader.update(answer=get("/first/?slow")))
        thread.start()
        wait_until("the reader waits", lambda: "metadata lock" in database.sql("SHOW PROCESSLIST"))
        for process in (site.php, site.web):
            process.process.terminate()
        wait_until("nginx listens no more", lambda: get("/livez", port=8081).status == 0)
        database.sql("KILL QUERY " + database.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'"))
        thread.join()
        holder.process.wait()
        self.assertEqual(reader["answer"].status, 200)
        self.assertEqual((site.php.stop(), site.web.stop()), (0, 0))
        site.up()
