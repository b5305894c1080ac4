"""The tasks of the WordPress image against a real MariaDB."""
import threading
import time
import unittest

import pod

STRANGE = "\"It's\" <script>alert(1)</script> ${HOME} $(id) `id` {{x}} <?php echo 1 ?> %s %41 &amp; &lt; \\n \\\\ 🍣🍣 " + "日本語" * 66 + "の題"


def setUpModule():
    global site, database
    database = pod.Database()
    database.up()
    site = pod.WordPress()


def tearDownModule():
    database.down()


def empty_database():
    database.sql("DROP DATABASE wordpress; CREATE DATABASE wordpress CHARACTER SET utf8mb4;")


class Base(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        site.configure()
        site.secret("database/password", pod.DATABASE_PASSWORD)
        site.secret("admin/password", pod.PASSWORD)

    def fails(self, task: str, reason: str, *words: str, **environment: str):
        status, answer = site.task(task, **environment)
        self.assertEqual((status, answer.get("reason")), (1, reason), answer)
        for word in words:
            self.assertIn(word, answer["message"])


class Refusals(Base):
    def test_unreachable_database(self):
        site.configure(database={"port": 3999})
        started = time.monotonic()
        for task in ("install", "upgrade-database", "run-cron", "status"):
            with self.subTest(task=task):
                self.fails(task, "DatabaseUnreachable", "127.0.0.1 port 3999", "MySQL error 2002", TAIRYO_DATABASE_WAIT_SECONDS="1")
        self.assertGreater(time.monotonic() - started, 4)

    def test_refused_login_is_not_waited_for(self):
        site.secret("database/password", "wrong")
        started = time.monotonic()
        self.fails("install", "DatabaseAccessDenied", "Access denied for user 'wordpress'", "MySQL error 1045", TAIRYO_DATABASE_WAIT_SECONDS="60")
        self.assertLess(time.monotonic() - started, 20)

    def test_missing_database(self):
        site.configure(database={"name": "absent"})
        self.fails("install", "DatabaseAccessDenied", "absent", "does not exist or user 'wordpress' has no rights")
        database.sql("GRANT SELECT ON *.* TO 'wordpress'@'%'")
        try:
            self.fails("install", "DatabaseMissing", "absent", "MySQL error 1049")
        finally:
            database.sql("REVOKE SELECT ON *.* FROM 'wordpress'@'%'")

    def test_not_installed(self):
        empty_database()
        for task in ("upgrade-database", "run-cron", "status"):
            self.fails(task, "NotInstalled", "database wordpress", "prefix wp_")

    def test_names_that_wordpress_cannot_hold(self):
        empty_database()
        for username in ("寿司", "a'b", "<script>", "${HOME}", "a  b", "x" * 61, "🍣"):
            with self.subTest(username=username):
                site.configure({**pod.INSTALL, "admin": {"username": username, "email": "a@example.com"}})
                self.fails("install", "ConfigurationInvalid", "admin.username", "a-z")
        for email in ("nobody", "a b@example.com", "寿司@example.com", "<a>@example.com"):
            with self.subTest(email=email):
                site.configure({**pod.INSTALL, "admin": {"username": "admin", "email": email}})
                self.fails("install", "ConfigurationInvalid", "admin.email")
        self.assertEqual(database.sql("SHOW TABLES FROM wordpress"), "")

    def test_unknown_locale(self):
        empty_database()
        site.configure(locale="tlh")
        self.fails("install", "ConfigurationInvalid", "locale", " ja,")

    def test_bad_configuration(self):
        site.configure({**pod.INSTALL, "extra": 1})
        self.fails("install", "ConfigurationInvalid", "key 'extra' is unknown")
        site.configure(timeZone="Mars")
        self.fails("status", "ConfigurationInvalid", "timeZone")
        site.configure()
        (site.configuration / "site.json").write_text("<?php")
        self.fails("status", "ConfigurationInvalid", "not JSON")
        site.configure()
        self.fails("status", "ConfigurationInvalid", "TAIRYO_DATABASE_WAIT_SECONDS", TAIRYO_DATABASE_WAIT_SECONDS="soon")


class Tls(Base):
    def test_connection_is_encrypted_when_required(self):
        empty_database()
        site.task("install")
        code = "echo $wpdb->get_row(\"SHOW STATUS LIKE 'Ssl_cipher'\")->Value;"
        self.assertRegex(site.php_code(code), "^TLS_")
        site.configure(database={"tls": "Disabled"})
        self.assertEqual(site.php_code(code), "")

    def test_required_but_not_offered(self):
        empty_database()
        database.down()
        plain = database.path("/var/lib/mysql/plain.cnf")
        database.server = database.start("mariadbd", "--skip-ssl")
        pod.wait_until("MariaDB without TLS", database.ready)
        try:
            self.fails("status", "DatabaseUnreachable", "tls is Required: does the server offer TLS?")
            site.configure(database={"tls": "Disabled"})
            self.fails("status", "NotInstalled")
        finally:
            database.down()
            database.up()

    def test_verified(self):
        empty_database()
        self.assertEqual(site.task("install")[0], 0)
        folder = "/var/lib/mysql/"
        for name in ("known", "unknown"):
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{folder}{name}.key", "-out", f"{folder}{name}.pem")
        for name, authority, address in (("good", "known", "127.0.0.1"), ("foreign", "unknown", "127.0.0.1"), ("other", "known", "10.9.8.7")):
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{address}", "-addext", "basicConstraints=critical,CA:FALSE",
                         "-CA", f"{folder}{authority}.pem", "-CAkey", f"{folder}{authority}.key", "-keyout", f"{folder}{name}.key", "-out", f"{folder}{name}.pem")
        site.cover("/etc/ssl/certs/ca-certificates.crt", database.path(f"{folder}known.pem").read_text())
        code = "echo $wpdb->get_row(\"SHOW STATUS LIKE 'Ssl_cipher'\")->Value;"
        database.down()
        try:
            for name, good in (("foreign", False), ("other", False), ("good", True)):
                with self.subTest(name=name):
                    database.server = database.start("mariadbd", f"--ssl-cert={folder}{name}.pem", f"--ssl-key={folder}{name}.key")
                    pod.wait_until("MariaDB is ready", database.ready)
                    site.configure(database={"tls": "Required"})
                    self.assertEqual(site.task("status")[0], 0)
                    site.configure(database={"tls": "Verified"})
                    if good:
                        self.assertEqual(site.task("status")[0], 0)
                        self.assertRegex(site.php_code(code), "^TLS_")
                    else:
                        self.fails("status", "DatabaseUnreachable", "tls is Verified", "a known authority signed")
                        self.assertIn("database: no connection", site.run("php", input=site.BOOT).stderr)
                    database.down()
        finally:
            database.up()

    def openssl(self, *arguments: str) -> None:
        result = database.run("openssl", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)


class Install(Base):
    def test_strange_text_arrives_unchanged_and_twice_is_once(self):
        empty_database()
        email = "o'brien+${x}`id`@example.com"
        site.configure({"schemaVersion": 1, "title": STRANGE, "admin": {"username": "Taro Yamada_.-@1", "email": email}})
        status, answer = site.task("install")
        self.assertEqual(status, 0, answer)
        self.assertEqual(answer["installed"], True)
        self.assertRegex(answer["wordpressVersion"], r"^7\.1")
        self.assertIsInstance(answer["databaseVersion"], str)
        self.assertTrue(answer["changed"])
        before = database.sql("CHECKSUM TABLE wordpress.wp_options, wordpress.wp_users, wordpress.wp_posts, wordpress.wp_usermeta")
        site.configure()
        status, answer = site.task("install")
        self.assertEqual((status, answer["changed"]), (0, False))
        self.assertEqual(database.sql("CHECKSUM TABLE wordpress.wp_options, wordpress.wp_users, wordpress.wp_posts, wordpress.wp_usermeta"), before)

        status, answer = site.task("status")
        self.assertEqual(status, 0, answer)
        self.assertEqual(answer["title"], STRANGE)
        self.assertEqual((answer["locale"], answer["timeZone"], answer["permalinks"]), ("ja", "Asia/Tokyo", "/%postname%/"))
        self.assertEqual((answer["posts"]["post"], answer["users"]["total"]), ({"publish": 1}, 1))
        self.assertEqual(site.php_code("$u = get_user_by('login', 'Taro Yamada_.-@1'); echo $u->user_email;"), email)
        # As the login form does.
        self.assertEqual(site.php_code("echo wp_check_password(wp_slash(Tairyo\\Site::secret('admin/password')), get_user_by('id', 1)->user_pass) ? 'yes' : 'no';"), "yes")
        # The first content speaks the site's language.
        self.assertEqual(database.sql("SELECT name FROM wordpress.wp_terms WHERE term_id = 1"), "未分類")

    def test_two_at_once_install_once(self):
        empty_database()
        results = []

        def run():
            results.append(site.run("/usr/local/bin/tairyo-wordpress", "task", "install", TAIRYO_TERMINATION_LOG="/dev/null"))
        threads = [threading.Thread(target=run) for _ in range(2)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        self.assertEqual([result.returncode for result in results], [0, 0], [result.stdout for result in results])
        self.assertEqual(sorted('"changed":true' in result.stdout for result in results), [False, True])
        self.assertEqual(database.sql("SELECT COUNT(*) FROM wordpress.wp_posts WHERE post_type = 'post'"), "1")
        self.assertEqual(database.sql("SELECT COUNT(*) FROM wordpress.wp_users"), "1")

    def test_killed_half_way_is_done_again(self):
        empty_database()
        # What a killed installation leaves: tables without content.
        site.task("install")
        database.sql("USE wordpress; TRUNCATE wp_options; TRUNCATE wp_users; TRUNCATE wp_usermeta; TRUNCATE wp_posts; TRUNCATE wp_terms; TRUNCATE wp_term_taxonomy;")
        self.fails("status", "NotInstalled")
        status, answer = site.task("install")
        self.assertEqual((status, answer.get("changed")), (0, True), answer)
        self.assertEqual(site.task("status")[1]["users"]["total"], 1)

    def test_american_english_and_other_prefix(self):
        empty_database()
        site.configure(locale="", timeZone="UTC", tablePrefix="x_1_")
        self.assertEqual(site.task("install")[0], 0)
        answer = site.task("status")[1]
        self.assertEqual((answer["locale"], answer["timeZone"]), ("en_US", "UTC"))
        self.assertIn("x_1_options", database.sql("SHOW TABLES FROM wordpress"))


class Upgrade(Base):
    def setUp(self):
        super().setUp()
        site.task("install")

    def test_old_schema_is_upgraded_once(self):
        wanted = site.task("status")[1]["codeDatabaseVersion"]
        database.sql("UPDATE wordpress.wp_options SET option_value = '57155' WHERE option_name = 'db_version'")
        status, answer = site.task("upgrade-database")
        self.assertEqual((status, answer.get("changed"), answer.get("databaseVersion")), (0, True, wanted), answer)
        status, answer = site.task("upgrade-database")
        self.assertEqual((status, answer.get("changed"), answer.get("databaseVersion")), (0, False, wanted), answer)

    def test_newer_schema_is_left_alone(self):
        database.sql("UPDATE wordpress.wp_options SET option_value = '99999' WHERE option_name = 'db_version'")
        status, answer = site.task("upgrade-database")
        self.assertEqual((status, answer["databaseNewer"], answer["databaseVersion"]), (0, True, "99999"))


class Cron(Base):
    def setUp(self):
        super().setUp()
        site.task("install")

    def test_due_events_run_once(self):
        site.php_code("wp_insert_post(['post_title' => 'later', 'post_status' => 'future', 'post_date' => wp_date('Y-m-d H:i:s', time() + 2)]);")
        pod.wait_until("the event is due", lambda: site.task("status")[1]["dueEvents"] > 0)
        status, answer = site.task("run-cron")
        self.assertEqual(status, 0, answer)
        self.assertGreaterEqual(answer["ran"], 1)
        self.assertEqual(database.sql("SELECT post_status FROM wordpress.wp_posts WHERE post_title = 'later'"), "publish")
        self.assertEqual(site.task("run-cron")[1]["ran"], 0)
