"""The gateway beside php and nginx: credentials from Secrets Manager, the closed origin, and uploads in a bucket."""
import json
import re
import unittest

import pod
from pod import get, wait_until

VALUE = "Fir5t" + "v" * 40
NEXT = "Next2" + "n" * 40


def login(password: str) -> str:
    return json.dumps({"engine": "mysql", "username": "wordpress", "password": password})


def setUpModule():
    global aws, site, database, gateway, database_arn, origin_arn, password
    database = pod.Database()
    database.up()
    aws = pod.Aws()
    database_arn = aws.secret("database", login(pod.DATABASE_PASSWORD))
    origin_arn = aws.secret("origin", VALUE)
    site = pod.WordPress()
    # What the gateway replaces must not be there to help.
    for name in ("username", "password"):
        (site.configuration / "secrets/database" / name).unlink()
    site.configure(database={"credentials": "Gateway"}, originClosed=True, media={"store": "Gateway"})
    answer = aws.s3("PUT", "/uploads-of-a-site", "<CreateBucketConfiguration><LocationConstraint>ap-northeast-1</LocationConstraint></CreateBucketConfiguration>")
    assert answer.status == 200, answer.text
    media = {"bucket": "uploads-of-a-site", "prefix": "wp-content/uploads/", "region": "ap-northeast-1", "endpoint": f"http://127.0.0.1:{pod.Aws.PORT}"}
    # A script of the image that says what PHP was told, instead of nothing.
    site.cover("/srv/wordpress/wp-content/index.php", "<?php header('Content-Type: application/json'); echo json_encode($_SERVER);")
    gateway = pod.Gateway(site, databaseSecretArn=database_arn, originSecretArns=[origin_arn], media=media)
    gateway.up()
    wait_until("the gateway is ready", gateway.ready)
    status, answer = site.task("install")
    assert status == 0, answer
    password = site.php_code("add_filter('wp_is_application_passwords_available', '__return_true'); echo base64_encode('admin:' . WP_Application_Passwords::create_new_application_password(get_users(['role' => 'administrator'])[0]->ID, ['name' => 'test'])[0]);")
    site.up()


def tearDownModule():
    site.down()
    gateway.down()
    aws.process.stop()
    database.down()


def page(path: str, **headers: str) -> pod.Answer:
    return get(path, X_Tairyo_Origin=VALUE, **headers)


class Credentials(unittest.TestCase):
    def rotate(self, password: str) -> None:
        database.sql(f"ALTER USER 'wordpress'@'%' IDENTIFIED BY '{password}'")
        aws.replace_secret(database_arn, login(password))

    def tearDown(self):
        database.sql("ALTER USER 'wordpress'@'%' IDENTIFIED BY '" + pod.DATABASE_PASSWORD.replace("\\", "\\\\").replace("'", "''") + "'")
        aws.replace_secret(database_arn, login(pod.DATABASE_PASSWORD))
        wait_until("the login is the old one", self.refreshed, 20)

    def refreshed(self) -> bool:
        gateway.ask("POST", "/credentials/database/refresh")
        return site.path("/run/tairyo/credentials/database/password").read_text() == pod.DATABASE_PASSWORD

    def test_files_are_the_pods_alone(self):
        folder = site.path("/run/tairyo/credentials")
        self.assertEqual(folder.stat().st_mode & 0o777, 0o750)
        for name in ("database/username", "database/password", "origin.map"):
            status = (folder / name).stat()
            self.assertEqual((status.st_mode & 0o777, status.st_uid), (0o440, 33))
        self.assertEqual(gateway.socket.stat().st_mode & 0o777, 0o660)

    def test_a_page_follows_a_rotation_at_once(self):
        self.pause()
        self.rotate("rotated-1")
        answer = page("/?s=rotation")
        self.assertEqual(answer.status, 200, site.php.text()[-2000:])
        self.assertEqual(site.path("/run/tairyo/credentials/database/password").read_text(), "rotated-1")

    def test_a_task_follows_a_rotation_at_once(self):
        self.pause()
        self.rotate("rotated-2")
        status, answer = site.task("status")
        self.assertEqual(status, 0, answer)

    def test_a_login_that_stays_wrong_is_not_tried_again(self):
        self.pause()
        # In the database alone.
        database.sql("ALTER USER 'wordpress'@'%' IDENTIFIED BY 'elsewhere'")
        before = int(database.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects'").split()[1])
        reads = gateway.metric("tairyo_gateway_credential_reads_total")
        for _ in range(10):
            self.assertEqual(page("/?s=wrong").status, 500)
        refused = int(database.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects'").split()[1]) - before
        self.assertEqual(refused, 10)
        self.assertLessEqual(gateway.metric("tairyo_gateway_credential_reads_total") - reads, 2)
        status, answer = site.task("status")
        self.assertEqual((status, answer["reason"]), (1, "DatabaseAccessDenied"))

    def pause(self) -> None:
        """Until the gateway asks the store again when it is asked."""
        wait_until("the last read is long ago", lambda: gateway.metric("tairyo_gateway_credential_age_seconds{material=\"database\"") > 5.1, 20)

    def test_nothing_secret_is_logged(self):
        for text in (gateway.process.text(), site.php.text(), site.web.text(), gateway.ask("GET", "/metrics").text):
            self.assertNotIn(pod.DATABASE_PASSWORD, text)
            self.assertNotIn(VALUE, text)

    def test_without_a_gateway_the_last_login_serves(self):
        self.assertEqual(gateway.down(), 0)
        try:
            self.assertEqual(page("/?s=without-gateway").status, 200)
            self.assertEqual(site.task("status")[0], 0)
        finally:
            gateway.up()
            wait_until("the gateway is ready", gateway.ready)

    def test_not_ready_until_all_is_read(self):
        other = pod.WordPress()
        waiting = pod.Gateway(other, databaseSecretArn=database_arn, originSecretArns=[origin_arn.replace("origin", "absent")])
        waiting.up()
        try:
            wait_until("the database's login is there", other.path("/run/tairyo/credentials/database/password").exists)
            self.assertFalse(waiting.ready())
            answer = waiting.ask("GET", "/readyz")
            self.assertEqual(answer.status, 503)
            self.assertIn("[-] origin: not read yet", answer.text)
            self.assertIn("[+] database: ok", answer.text)
        finally:
            self.assertEqual(waiting.down(), 0)
        self.assertIn("ResourceNotFoundException", waiting.process.text())


class ClosedOrigin(unittest.TestCase):
    def test_only_through_the_network(self):
        for path in ("/", "/wp-login.php", "/wp-includes/css/dashicons.min.css", "/.env"):
            for headers in ({}, {"X_Tairyo_Origin": ""}, {"X_Tairyo_Origin": VALUE + "x"}, {"X_Tairyo_Origin": "default"}):
                answer = get(path, **headers)
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (403, "text/plain; charset=utf-8"), path)
                self.assertIn("content delivery network", answer.text)
        self.assertEqual(page("/wp-login.php").status, 200)
        self.assertEqual(page("/wp-includes/css/dashicons.min.css").status, 200)

    def test_other_hosts_are_closed_as_well(self):
        for host in ("www.example.com", "evil.example.net"):
            self.assertEqual(get("/", host=host).status, 403)
        self.assertEqual(page("/", host="www.example.com").status, 301)
        self.assertEqual(page("/", host="evil.example.net").status, 421)

    def test_the_page_of_the_closed_is_no_path(self):
        self.assertEqual(page("/.tairyo/origin-closed").status, 404)

    def test_health_port_is_open(self):
        self.assertEqual(get("/livez", host="10.0.0.7", port=8081).status, 200)
        self.assertEqual(get("/readyz", host="10.0.0.7", port=8081).status, 200)

    def test_readers_scheme_is_the_networks(self):
        self.assertEqual(page("/wp-login.php", X_Forwarded_Proto="http").status, 200)
        self.assertEqual(page("/wp-login.php", CloudFront_Forwarded_Proto="https").status, 200)
        self.assertEqual(page("/wp-login.php", CloudFront_Forwarded_Proto="http").status, 301)

    def test_a_new_value_is_taken_without_a_restart(self):
        try:
            aws.replace_secret(origin_arn, NEXT)
            gateway.down()
            gateway.up(refresh_seconds=1)
            wait_until("nginx knows the new value", lambda: get("/wp-login.php", X_Tairyo_Origin=NEXT).status == 200, 30)
            self.assertEqual(get("/wp-login.php", X_Tairyo_Origin=VALUE).status, 403)
        finally:
            aws.replace_secret(origin_arn, VALUE)
            wait_until("nginx knows the old value", lambda: page("/wp-login.php").status == 200, 30)
            gateway.down()
            gateway.up()
            wait_until("the gateway is ready", gateway.ready)

    def told(self, **headers: str) -> dict:
        return json.loads(get("/wp-content/index.php", **{"X_Tairyo_Origin": VALUE, **headers}).text)

    def test_readers_address(self):
        for given, address in (("198.51.100.7:46532", "198.51.100.7"), ("2001:db8::7:46532", "2001:db8::7"), ("[2001:db8::8]:443", "2001:db8::8"), ("nonsense", "127.0.0.1"), ("1.2.3.4:5'x", "127.0.0.1")):
            with self.subTest(given=given):
                self.assertEqual(self.told(CloudFront_Viewer_Address=given, X_Forwarded_For="203.0.113.1")["REMOTE_ADDR"], address)
        self.assertEqual(self.told()["REMOTE_ADDR"], "127.0.0.1")

    def test_the_log_believes_only_what_is_proven(self):
        get("/unproven", CloudFront_Viewer_Address="198.51.100.7:1")
        page("/proven", CloudFront_Viewer_Address="198.51.100.7:1")
        for path, address in (("/unproven", "127.0.0.1"), ("/proven", "198.51.100.7")):
            line = wait_until("the request is logged", lambda: next((line for line in site.web.text().splitlines() if f'"{path}"' in line), None))
            self.assertEqual(json.loads(line)["address"], address)

    def test_the_proof_is_not_told_to_plugins(self):
        told = self.told(X_Other="seen")
        self.assertEqual(told["HTTP_X_OTHER"], "seen")
        self.assertNotIn("HTTP_X_TAIRYO_ORIGIN", told)
        self.assertNotIn(VALUE, json.dumps(told))


class Uploads(unittest.TestCase):
    def objects(self) -> list[str]:
        return re.findall("<Key>(.*?)</Key>", aws.s3("GET", "/uploads-of-a-site?list-type=2").text)

    def upload(self, name: str, body: bytes, content_type: str) -> pod.Answer:
        return get("/wp-json/wp/v2/media", method="POST", body=body, X_Tairyo_Origin=VALUE, Authorization=f"Basic {password}", Content_Type=content_type, Content_Disposition=f"attachment; filename=\"{name}\"")

    def picture(self) -> bytes:
        code = "$i = imagecreatetruecolor(1400, 900); for ($x = 0; $x < 1400; $x += 7) imageline($i, $x, 0, 1400 - $x, 899, $x * 1000); imagejpeg($i, '/tmp/picture.jpg', 90);"
        self.assertEqual(site.run("php", "-r", code).returncode, 0)
        return site.path("/tmp/picture.jpg").read_bytes()

    def test_a_picture_and_its_sizes_live_in_the_bucket(self):
        picture = self.picture()
        answer = self.upload("momiji.jpg", picture, "image/jpeg")
        self.assertEqual(answer.status, 201, answer.text + site.php.text()[-3000:])
        made = json.loads(answer.text)
        urls = {size["source_url"] for size in made["media_details"]["sizes"].values()} | {made["source_url"]}
        self.assertGreaterEqual(len(urls), 5)
        self.assertEqual(len(self.objects()), len(urls))
        self.assertEqual(list(site.path("/srv/wordpress/wp-content/uploads").iterdir()), [])
        for url in urls:
            self.assertTrue(url.startswith("https://blog.example.com/wp-content/uploads/"), url)
            answer = page(url.removeprefix("https://blog.example.com"))
            self.assertEqual((answer.status, answer.headers["Content-Type"], answer.headers.get_all("Cache-Control")), (200, "image/jpeg", ["public, max-age=2592000"]), url)
            self.assertEqual(answer.raw[:2], b"\xff\xd8")
        self.assertEqual(page(made["source_url"].removeprefix("https://blog.example.com")).raw, picture)
        # The same name again is another file.
        again = json.loads(self.upload("momiji.jpg", picture, "image/jpeg").text)
        self.assertTrue(again["source_url"].endswith("momiji-1.jpg"), again["source_url"])
        for made in (made, again):
            answer = get(f"/wp-json/wp/v2/media/{made['id']}?force=true", method="DELETE", X_Tairyo_Origin=VALUE, Authorization=f"Basic {password}")
            self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(self.objects(), [])
        self.assertEqual(page(made["source_url"].removeprefix("https://blog.example.com")).status, 404)

    def test_readers_only_read(self):
        gateway.ask("PUT", "/media/kept.txt", b"kept", Content_Type="text/plain")
        for method in ("PUT", "DELETE", "POST", "PATCH"):
            self.assertEqual(page("/wp-content/uploads/kept.txt", method=method, body="x").status, 405, method)
        answer = page("/wp-content/uploads/kept.txt")
        self.assertEqual((answer.status, answer.text), (200, "kept"))
        part = page("/wp-content/uploads/kept.txt", Range="bytes=1-2")
        self.assertEqual((part.status, part.text, part.headers["Content-Range"]), (206, "ep", "bytes 1-2/4"))
        self.assertEqual(page("/wp-content/uploads/kept.txt", If_None_Match=answer.headers["ETag"]).status, 304)
        self.assertEqual(page("/wp-content/uploads/kept.txt", method="HEAD").headers["Content-Length"], "4")
        for path in ("/wp-content/uploads/", "/wp-content/uploads/?prefix=", "/wp-content/uploads/../../media-list", "/media/kept.txt", "/media-list", "/wp-content/uploads/%2e%2e/x"):
            self.assertIn(page(path).status, (400, 403, 404), path)
        gateway.ask("PUT", "/media/x.php", b"<?php echo 'executed';")
        gateway.ask("PUT", "/media/x.svg", b"<svg/>", Content_Type="image/svg+xml")
        self.assertEqual(page("/wp-content/uploads/x.php").status, 404)
        self.assertIn("sandbox", page("/wp-content/uploads/x.svg").headers["Content-Security-Policy"])
        for name in ("kept.txt", "x.php", "x.svg"):
            self.assertEqual(gateway.ask("DELETE", f"/media/{name}").status, 204)

    def test_file_functions(self):
        answer = site.php_code("""
            $root = wp_upload_dir()['basedir'] . '/2031/01';
            $all = [wp_mkdir_p($root), is_dir($root), is_writable($root), file_exists("$root/紅葉 %41.txt")];
            $all[] = file_put_contents("$root/紅葉 %41.txt", 'one');
            $all[] = file_put_contents("$root/紅葉 %41.txt", ' two', FILE_APPEND);
            $all[] = file_get_contents("$root/紅葉 %41.txt");
            $all[] = filesize("$root/紅葉 %41.txt");
            $all[] = copy("$root/紅葉 %41.txt", "$root/copy.txt");
            $all[] = rename("$root/copy.txt", "$root/moved.txt");
            $all[] = scandir($root);
            $file = fopen("$root/moved.txt", 'r+');
            fseek($file, 4); fwrite($file, 'TWO'); fclose($file);
            $all[] = file_get_contents("$root/moved.txt");
            $all[] = @fopen("$root/moved.txt", 'x') === false;
            $all[] = @file_get_contents("$root/absent.txt");
            $all[] = [unlink("$root/moved.txt"), unlink("$root/紅葉 %41.txt"), file_exists("$root/moved.txt")];
            clearstatcache();
            $all[] = scandir($root);
            echo json_encode($all, JSON_UNESCAPED_UNICODE);
        """)
        self.assertEqual(json.loads(answer), [True, True, True, False, 3, 4, "one two", 7, True, True, ["moved.txt", "紅葉 %41.txt"], "one TWO", True, False, [True, True, False], []])

    def test_a_large_file(self):
        body = bytes(range(256)) * (80 << 10)
        answer = gateway.ask("PUT", "/media/film.mp4", body, Content_Type="video/mp4")
        self.assertEqual(answer.status, 204, answer.text)
        answer = page("/wp-content/uploads/film.mp4")
        self.assertEqual((answer.status, answer.headers["Content-Type"], answer.raw == body), (200, "video/mp4", True))
        self.assertLess(gateway.metric("process_resident_memory_bytes"), 96 << 20)
        pod.measurements.append(f"gateway: {gateway.metric('process_resident_memory_bytes') / (1 << 20):.0f} MB after a file of 20 MB (debug build)")
        gateway.ask("DELETE", "/media/film.mp4")

    def test_what_is_not_stored_is_no_attachment(self):
        gateway.down()
        try:
            answer = self.upload("lost.jpg", self.picture(), "image/jpeg")
            self.assertEqual(answer.status, 500, answer.text)
            self.assertIn("could not be stored", answer.text)
        finally:
            gateway.up()
            wait_until("the gateway is ready", gateway.ready)
        self.assertEqual(json.loads(get("/wp-json/wp/v2/media?search=lost", X_Tairyo_Origin=VALUE).text), [])
