use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::*;
use crate::cloudformation::bucket::Emptying;
use crate::cloudformation::search_domain::DomainChange;
use crate::cloudformation::stack::{CLUSTER_TAG, NAME_TAG, NAMESPACE_TAG};

/// Stacks that change when the test says so, and how often each read was called.
#[derive(Default)]
struct Aws {
    stacks: Mutex<BTreeMap<String, Stack>>,
    refuse_walks: Mutex<Option<Error>>,
    /// The next walks show one stack less.
    hide: Mutex<Option<String>>,
    walk_takes: Mutex<Duration>,
    describes: AtomicUsize,
    walks: AtomicUsize,
    walks_in_progress: AtomicUsize,
}

impl Aws {
    fn calls(&self) -> (usize, usize, usize) {
        let read = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (read(&self.describes), read(&self.walks), read(&self.walks_in_progress))
    }

    fn put(&self, name: &str, status: &str) {
        let site = name.rsplit_once('-').map_or(name, |(site, _)| site);
        let tags = [(CLUSTER_TAG, "tests"), (NAMESPACE_TAG, "shop"), (NAME_TAG, site)];
        let stack = Stack {
            id: id(name),
            name: name.into(),
            status: status.into(),
            status_reason: None,
            created: Timestamp::UNIX_EPOCH,
            updated: None,
            outputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            termination_protection: true,
        };
        self.stacks.lock().expect("no test panics with it").insert(name.into(), stack);
    }

    fn remove(&self, name: &str) {
        self.stacks.lock().expect("no test panics with it").remove(name);
    }

    fn set_walks(&self, answer: Option<Error>) {
        *self.refuse_walks.lock().expect("no test panics with it") = answer;
    }

    fn all(&self) -> Vec<Stack> {
        let hidden = self.hide.lock().expect("no test panics with it").clone();
        let stacks = self.stacks.lock().expect("no test panics with it");
        stacks.values().filter(|stack| Some(&stack.name) != hidden.as_ref()).cloned().collect()
    }

    async fn walk(&self) -> Result<Vec<Stack>, Error> {
        let takes = *self.walk_takes.lock().expect("no test panics with it");
        let stacks = self.all();
        sleep(takes).await;
        self.refuse_walks.lock().expect("no test panics with it").clone().map_or(Ok(stacks), Err)
    }
}

fn id(name: &str) -> String {
    format!("arn:aws:cloudformation:ap-northeast-1:111111111111:stack/{name}/6b1e3c1e")
}

#[async_trait]
impl CloudFormation for Aws {
    async fn describe(&self, stack: &str) -> Result<Stack, Error> {
        self.describes.fetch_add(1, Ordering::SeqCst);
        let name = stack.split('/').nth(1).unwrap_or(stack);
        let stacks = self.stacks.lock().expect("no test panics with it");
        stacks.get(name).cloned().ok_or_else(|| Error::NotFound(name.into()))
    }

    async fn describe_all(&self) -> Result<Vec<Stack>, Error> {
        self.walks.fetch_add(1, Ordering::SeqCst);
        self.walk().await
    }

    async fn list_in_progress(&self) -> Result<Vec<StackSummary>, Error> {
        self.walks_in_progress.fetch_add(1, Ordering::SeqCst);
        let moving = self.walk().await?.into_iter().filter(|stack| stack.status.ends_with("_IN_PROGRESS"));
        Ok(moving.map(|stack| StackSummary { id: stack.id, name: stack.name, status: stack.status }).collect())
    }

    async fn create(&self, request: &CreateStack) -> Result<String, Error> {
        Ok(id(&request.name))
    }

    async fn execute_change_set(&self, stack: &str, _: &str, _: &str) -> Result<(), Error> {
        self.put(stack, "UPDATE_IN_PROGRESS");
        Ok(())
    }

    async fn resources(&self, _: &str) -> Result<Vec<StackResource>, Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn events(&self, _: &str, _: Option<&str>) -> Result<Vec<StackEvent>, Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn template(&self, _: &str) -> Result<Value, Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn create_change_set(&self, _: &CreateChangeSet) -> Result<String, Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn describe_change_set(&self, _: &str, _: &str) -> Result<ChangeSet, Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn delete_change_set(&self, _: &str, _: &str) -> Result<(), Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn delete(&self, _: &str, _: &[String], _: &str) -> Result<(), Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn continue_rollback(&self, _: &str, _: &str) -> Result<(), Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn set_termination_protection(&self, _: &str, _: bool) -> Result<(), Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn set_stack_policy(&self, _: &str, _: &str) -> Result<(), Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn detect_drift(&self, _: &str) -> Result<String, Error> {
        unreachable!("no test of the cache asks for it")
    }

    async fn drift(&self, _: &str, _: &str) -> Result<Drift, Error> {
        unreachable!("no test of the cache asks for it")
    }
}

#[async_trait]
impl Buckets for Aws {
    async fn empty(&self, _: &str) -> Result<Emptying, Error> {
        unreachable!("no test of the cache empties a bucket")
    }
}

#[async_trait]
impl SearchDomains for Aws {
    async fn progress(&self, _: &str) -> Result<Option<String>, Error> {
        unreachable!("no test of the cache asks for a domain")
    }

    async fn dry_run(&self, _: &str, _: &DomainChange) -> Result<Option<String>, Error> {
        unreachable!("no test of the cache asks for a domain")
    }
}

struct Fixed(Arc<Aws>);

#[async_trait]
impl Factory for Fixed {
    async fn clients(&self, identity: &AwsIdentity, _: &str) -> Result<Clients, Error> {
        match identity.role_arn.as_deref() {
            Some("arn:aws:iam::1:role/closed") => Err(Error::RoleNotAssumable("arn:aws:iam::1:role/closed".into())),
            _ => Ok(Clients {
                cloud_formation: Arc::<Aws>::clone(&self.0),
                buckets: Arc::<Aws>::clone(&self.0),
                search_domains: Arc::<Aws>::clone(&self.0),
            }),
        }
    }
}

struct World {
    aws: Arc<Aws>,
    accounts: Accounts,
    account: Arc<Account>,
    woken: mpsc::UnboundedReceiver<SiteKey>,
}

impl World {
    fn woken(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.woken.try_recv().ok())
            .map(|site| format!("{}/{}", site.namespace, site.name))
            .collect()
    }
}

async fn world(aws: Aws) -> World {
    let aws = Arc::new(aws);
    let (accounts, woken) = Accounts::with_factory(Box::new(Fixed(Arc::clone(&aws))), "tests", Periods::default());
    let account = accounts.account(&AwsIdentity::default(), "ap-northeast-1").await.expect("there are clients");
    World { aws, accounts, account, woken }
}

async fn status(world: &World, stack: &str) -> String {
    world.account.describe(stack).await.expect("the stack is there").status
}

#[tokio::test(start_paused = true)]
async fn sites_at_rest_cost_the_slow_walk_alone() {
    let aws = Aws::default();
    let names: Vec<String> = (0..1_000)
        .flat_map(|site| {
            ["network", "identity", "certificate", "data", "media", "edge"].map(|unit| format!("site{site}-{unit}"))
        })
        .collect();
    for name in &names {
        aws.put(name, "CREATE_COMPLETE");
    }
    let mut world = world(aws).await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_hours(1) {
        for name in &names {
            assert_eq!(status(&world, name).await, "CREATE_COMPLETE");
        }
        sleep(Duration::from_mins(10)).await;
    }
    let (describes, walks, walks_in_progress) = world.aws.calls();
    assert_eq!((describes, walks_in_progress), (0, 0));
    assert!((6..=8).contains(&walks), "{walks} walks in an hour");
    assert_eq!(world.woken(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_moves_is_described_when_it_begins_and_when_it_ends() {
    let aws = Aws::default();
    for name in ["blog-data", "blog-media", "other-data"] {
        aws.put(name, "CREATE_COMPLETE");
    }
    let mut world = world(aws).await;
    assert_eq!(status(&world, "blog-data").await, "CREATE_COMPLETE");
    world.account.execute_change_set("blog-data", "c", "t").await.expect("it is executed");
    let looks = [status(&world, "blog-data").await, status(&world, "blog-data").await];
    assert_eq!(looks, ["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"]);
    assert_eq!(world.aws.calls().0, 1, "the second look is answered from the cache");
    sleep(Duration::from_mins(5)).await;
    assert_eq!((world.woken(), world.aws.calls().0), (vec![], 1), "while it moves nobody is woken");
    assert!((28..=31).contains(&world.aws.calls().2), "{:?}", world.aws.calls());

    world.aws.put("blog-data", "UPDATE_COMPLETE");
    sleep(Duration::from_secs(11)).await;
    assert_eq!(world.woken(), ["shop/blog"]);
    assert_eq!(status(&world, "blog-data").await, "UPDATE_COMPLETE");
    assert_eq!(world.aws.calls().0, 2);
    let at_rest = world.aws.calls().2;
    sleep(Duration::from_mins(5)).await;
    assert_eq!(world.aws.calls().2, at_rest, "at rest the fast walk rests too");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_nobody_looked_at_since_wakes_its_site_once() {
    let aws = Aws::default();
    aws.put("blog-data", "CREATE_COMPLETE");
    let mut world = world(aws).await;
    status(&world, "blog-data").await;
    world.account.execute_change_set("blog-data", "c", "t").await.expect("it is executed");
    sleep(Duration::from_secs(50)).await;
    assert_eq!(world.woken(), ["shop/blog"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_callers_share_one_walk() {
    let aws = Aws { walk_takes: Mutex::new(Duration::from_secs(3)), ..Aws::default() };
    aws.put("blog-data", "CREATE_COMPLETE");
    let world = world(aws).await;
    let answers = join_all((0..100).map(|_| world.account.describe("blog-data"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(world.aws.calls(), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_long_first_walk_holds_no_worker() {
    let aws = Aws { walk_takes: Mutex::new(Duration::from_mins(1)), ..Aws::default() };
    aws.put("blog-data", "CREATE_COMPLETE");
    let world = world(aws).await;
    let begin = Instant::now();
    let early = world.account.describe("blog-data").await;
    assert!(matches!(early, Err(Error::Throttled(_))), "{early:?}");
    assert_eq!(begin.elapsed().as_secs(), 5);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(status(&world, "blog-data").await, "CREATE_COMPLETE");
    assert_eq!(world.aws.calls(), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_first_walk_that_fails_is_an_error_of_every_caller_and_no_storm() {
    let aws = Aws { refuse_walks: Mutex::new(Some(Error::Denied("no".into()))), ..Aws::default() };
    aws.put("blog-data", "CREATE_COMPLETE");
    let mut world = world(aws).await;
    let answers = join_all((0..100).map(|_| world.account.describe("blog-data"))).await;
    assert!(answers.iter().all(|answer| *answer == Err(Error::Denied("no".into()))));
    sleep(Duration::from_hours(1)).await;
    let (describes, walks, _) = world.aws.calls();
    assert_eq!(describes, 0);
    assert!((12..=25).contains(&walks), "{walks} walks in an hour");
    world.aws.set_walks(None);
    sleep(Duration::from_mins(6)).await;
    assert_eq!(world.woken(), ["shop/blog"], "who was sent away is called back");
    assert_eq!(status(&world, "blog-data").await, "CREATE_COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_walk_keeps_what_is_known() {
    let aws = Aws::default();
    aws.put("blog-data", "CREATE_COMPLETE");
    let mut world = world(aws).await;
    status(&world, "blog-data").await;
    world.aws.set_walks(Some(Error::Throttled("Rate exceeded".into())));
    for _ in 0..12 {
        sleep(Duration::from_mins(5)).await;
        assert_eq!(status(&world, "blog-data").await, "CREATE_COMPLETE");
    }
    assert_eq!((world.aws.calls().0, world.woken()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn that_a_list_does_not_show_a_stack_is_no_proof_that_it_is_gone() {
    let aws = Aws::default();
    aws.put("blog-data", "CREATE_COMPLETE");
    let mut world = world(aws).await;
    status(&world, "blog-data").await;
    *world.aws.hide.lock().expect("no test panics with it") = Some("blog-data".into());
    sleep(Duration::from_mins(12)).await;
    assert_eq!(world.woken(), ["shop/blog"]);
    assert_eq!(status(&world, "blog-data").await, "CREATE_COMPLETE");
    assert_eq!(world.aws.calls().0, 1);
}

#[tokio::test(start_paused = true)]
async fn what_happens_behind_our_back_is_found_by_the_slow_walk() {
    let aws = Aws::default();
    for name in ["blog-data", "blog-media", "other-data"] {
        aws.put(name, "CREATE_COMPLETE");
    }
    let mut world = world(aws).await;
    status(&world, "blog-data").await;
    world.aws.put("blog-data", "UPDATE_COMPLETE");
    world.aws.remove("blog-media");
    sleep(Duration::from_mins(12)).await;
    assert_eq!(world.woken(), ["shop/blog"], "once, for both");
    assert_eq!(status(&world, "blog-data").await, "UPDATE_COMPLETE");
    let gone = world.account.describe("blog-media").await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
    assert_eq!(world.aws.calls().0, 1, "only the missing one is looked for");
}

#[tokio::test(start_paused = true)]
async fn absence_is_known_until_the_next_walk() {
    let world = world(Aws::default()).await;
    for _ in 0..10 {
        assert!(matches!(world.account.describe("blog-data").await, Err(Error::NotFound(_))));
    }
    assert_eq!(world.aws.calls().0, 1);
    world.aws.put("blog-data", "CREATE_COMPLETE");
    sleep(Duration::from_mins(12)).await;
    assert_eq!(status(&world, "blog-data").await, "CREATE_COMPLETE");
}

/// AWS shows a stack some moments after it said that it is created.
#[tokio::test(start_paused = true)]
async fn a_stack_that_we_have_created_is_looked_for_until_it_shows() {
    let world = world(Aws::default()).await;
    assert!(world.account.describe("blog-data").await.is_err());
    let request = CreateStack {
        name: "blog-data".into(),
        template: "{}".into(),
        parameters: [].into(),
        tags: [].into(),
        stack_policy: None,
        service_role_arn: None,
        token: "t".into(),
    };
    world.account.create(&request).await.expect("it is created");
    assert!(world.account.describe("blog-data").await.is_err());
    world.aws.put("blog-data", "CREATE_IN_PROGRESS");
    assert_eq!(status(&world, "blog-data").await, "CREATE_IN_PROGRESS");
}

#[tokio::test(start_paused = true)]
async fn a_look_by_id_is_live_and_a_hint_makes_the_next_look_live() {
    let aws = Aws::default();
    aws.put("blog-data", "CREATE_COMPLETE");
    let mut world = world(aws).await;
    status(&world, "blog-data").await;
    world.aws.put("blog-data", "UPDATE_COMPLETE");
    assert_eq!(status(&world, "blog-data").await, "CREATE_COMPLETE", "by name it is what was known");
    assert_eq!(status(&world, &id("blog-data")).await, "UPDATE_COMPLETE");
    assert_eq!(status(&world, "blog-data").await, "UPDATE_COMPLETE", "a live answer is kept");

    world.aws.put("blog-data", "DELETE_IN_PROGRESS");
    world.account.hint(&id("blog-data"));
    world.account.hint(&id("nobody-knows"));
    assert_eq!(world.woken(), ["shop/blog"]);
    assert_eq!(status(&world, "blog-data").await, "DELETE_IN_PROGRESS");
}

#[tokio::test(start_paused = true)]
async fn accounts_are_kept_by_identity_and_region_and_fail_one_by_one() {
    let world = world(Aws::default()).await;
    let identity = |role: &str| AwsIdentity { role_arn: Some(role.into()), ..AwsIdentity::default() };
    let closed = world.accounts.account(&identity("arn:aws:iam::1:role/closed"), "ap-northeast-1").await;
    assert!(matches!(closed.err(), Some(Error::RoleNotAssumable(_))));
    let open = world.accounts.account(&identity("arn:aws:iam::1:role/open"), "ap-northeast-1").await.expect("clients");
    let again = world.accounts.account(&identity("arn:aws:iam::1:role/open"), "ap-northeast-1").await.expect("clients");
    let away = world.accounts.account(&identity("arn:aws:iam::1:role/open"), "us-east-1").await.expect("clients");
    assert!(Arc::ptr_eq(&open, &again) && !Arc::ptr_eq(&open, &away) && !Arc::ptr_eq(&open, &world.account));
}
