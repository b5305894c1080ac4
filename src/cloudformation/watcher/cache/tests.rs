use jiff::Timestamp;

use super::*;

fn stack(name: &str, status: &str) -> Stack {
    Stack {
        id: format!("arn:aws:cloudformation:eu-west-1:1:stack/{name}/u"),
        name: name.into(),
        status: status.into(),
        status_reason: None,
        created: Timestamp::UNIX_EPOCH,
        updated: None,
        outputs: BTreeMap::new(),
        parameters: BTreeMap::new(),
        tags: [(CLUSTER_TAG, "tests"), (NAMESPACE_TAG, "shop"), (NAME_TAG, name)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        termination_protection: true,
    }
}

fn status(cache: &Cache, name: &str) -> String {
    match cache.look(name) {
        Found::Stack(stack) => stack.status,
        other => format!("{other:?}"),
    }
}

#[test]
fn the_name_of_a_stack_is_in_its_id() {
    assert_eq!(name_of("arn:aws-cn:cloudformation:cn-north-1:1:stack/tairyo-shop-blog/6b1e"), "tairyo-shop-blog");
    assert_eq!(name_of("tairyo-shop-blog"), "tairyo-shop-blog");
}

#[test]
fn a_read_that_began_before_an_operation_of_ours_does_not_hide_it() {
    let now = Instant::now();
    let mut cache = Cache::new("tests");
    cache.walked(cache.ticket(), vec![stack("blog", "CREATE_COMPLETE")], now);
    let before = cache.ticket();
    cache.mutated("blog", now);
    cache.store("blog", before, &Ok(stack("blog", "CREATE_COMPLETE")));
    assert_eq!(status(&cache, "blog"), "Unknown");
    cache.walked(before, vec![stack("blog", "CREATE_COMPLETE")], now);
    assert_eq!(status(&cache, "blog"), "Unknown");
    cache.walked(before, vec![], now);
    cache.store("blog", cache.ticket(), &Ok(stack("blog", "UPDATE_IN_PROGRESS")));
    cache.walked_in_progress(before, vec![]);
    assert_eq!(status(&cache, "blog"), "UPDATE_IN_PROGRESS", "a list from before it began says nothing of its end");
}

#[test]
fn a_walk_keeps_nothing_of_other_clusters() {
    let mut cache = Cache::new("tests");
    let mut foreign = stack("foreign", "UPDATE_IN_PROGRESS");
    foreign.tags.insert(CLUSTER_TAG.into(), "another".into());
    cache.walked(cache.ticket(), vec![foreign, stack("blog", "CREATE_COMPLETE")], Instant::now());
    assert_eq!(status(&cache, "foreign"), "Unknown");
    assert!(!cache.is_moving(Instant::now()), "what others do is not ours to watch");
}

#[test]
fn an_error_that_is_not_an_absence_is_not_kept() {
    let mut cache = Cache::new("tests");
    cache.store("blog", cache.ticket(), &Ok(stack("blog", "CREATE_COMPLETE")));
    cache.store("blog", cache.ticket(), &Err(Error::Throttled("Rate exceeded".into())));
    assert_eq!(status(&cache, "blog"), "CREATE_COMPLETE");
    cache.store("blog", cache.ticket(), &Err(Error::NotFound("blog".into())));
    assert_eq!(status(&cache, "blog"), "Absent");
}

#[test]
fn a_deleted_stack_seen_by_its_id_says_nothing_of_its_name() {
    let mut cache = Cache::new("tests");
    cache.store("blog", cache.ticket(), &Ok(stack("blog", "DELETE_COMPLETE")));
    assert_eq!(status(&cache, "blog"), "Unknown");
}

#[test]
fn a_stack_in_review_waits_for_a_person_and_is_not_watched() {
    let mut cache = Cache::new("tests");
    cache.walked(cache.ticket(), vec![stack("blog", "REVIEW_IN_PROGRESS")], Instant::now());
    assert!(!cache.is_moving(Instant::now()));
}

#[test]
fn a_creation_that_never_shows_is_forgotten() {
    let now = Instant::now();
    let mut cache = Cache::new("tests");
    cache.created("blog", &BTreeMap::new(), now);
    cache.walked(cache.ticket(), vec![], now);
    assert_eq!(cache.entries.len(), 1);
    cache.walked(cache.ticket(), vec![], now + Duration::from_hours(1));
    assert_eq!(cache.entries.len(), 0);
}
