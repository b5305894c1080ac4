//! What people type is data: it arrives in WordPress as it was typed, and nothing evaluates it.

use serde_json::json;

use super::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn strange_titles_and_addresses_arrive_unchanged() {
    let world = World::new("e2e-input").await;
    let japanese = "日本語の題名".chars().cycle().take(150).collect::<String>();
    let title = format!(
        "O'Neil \"x\" \\ $HOME ${{PATH}} {{{{resolve:a}}}} <?php echo 1 ?> <script>alert(1)</script> 🐙 {japanese}"
    );
    let email = "o'neil+${x}@example.com";
    world
        .apply(
            "blog",
            &json!({"title": title, "locale": "ja", "admin": {"email": email, "username": "o.neil @home-1"}}),
        )
        .await;
    world.ready("blog").await;
    let stored = world.query("blog", "SELECT option_value FROM wp_options WHERE option_name = 'blogname'");
    assert_eq!(decoded(&stored), title);
    assert_eq!(world.query("blog", "SELECT user_login FROM wp_users"), "o.neil @home-1");
    assert_eq!(decoded(&world.query("blog", "SELECT user_email FROM wp_users")), email);
    let page = world.page("blog", &world.domain("blog"), "/").await;
    assert!(!page.body.contains("<script>alert(1)"), "the title was not escaped");
    assert!(page.body.contains("🐙"));
    world.end().await;
}

/// WordPress stores a title as HTML text.
fn decoded(stored: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#039;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(stored.to_owned(), |text, (entity, character)| text.replace(entity, character))
}
