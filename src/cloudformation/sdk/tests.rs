use super::*;

#[test]
fn a_template_goes_out_without_white_space_and_not_above_the_limit() {
    assert_eq!(template_body("{ \"Resources\" : {\n} }"), Ok(r#"{"Resources":{}}"#.to_owned()));
    let large = format!(r#"{{"Description":"{}"}}"#, "x".repeat(LARGEST_TEMPLATE));
    assert!(matches!(template_body(&large), Err(Error::Invalid(text)) if text.contains("51200")), "it is too large");
    let spaced = format!(r#"{{"Resources":{{}}{}}}"#, " ".repeat(LARGEST_TEMPLATE));
    assert!(template_body(&spaced).is_ok(), "white space does not count");
    assert!(matches!(template_body("Resources: {}"), Err(Error::Invalid(_))));
}
