//! Watches of one kind in several namespaces, joined into one that a store can follow.
//!
//! Each watch of kube begins by announcing that everything known is to be replaced by the list that follows. A store that
//! was given several would keep only what the last one listed, so their lists are gathered first, and later lists of one
//! namespace replace what is known of that namespace alone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use kube::core::NamespaceResourceScope;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::Store;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

/// Watches a kind in `namespaces`, or in the whole cluster where there are none. `store` is the one that is filled by what
/// this gives. A watch that fails says so, waits and tries again.
#[must_use]
pub fn watch<K>(
    client: &Client,
    namespaces: &[String],
    config: &watcher::Config,
    store: Store<K>,
) -> BoxStream<'static, watcher::Result<Event<K>>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    if namespaces.is_empty() {
        return watcher(Api::all(client.clone()), config.clone()).default_backoff().boxed();
    }
    let watches = namespaces.iter().map(|namespace| {
        let of = namespace.clone();
        watcher(Api::namespaced(client.clone(), namespace), config.clone())
            .default_backoff()
            .map(move |event| event.map(|event| (of.clone(), event)))
            .boxed()
    });
    join(stream::select_all(watches), Joined::new(namespaces), move || store.state()).boxed()
}

/// Joins `events`, each with its namespace. `known` is what the store has.
fn join<K>(
    events: impl Stream<Item = watcher::Result<(String, Event<K>)>>,
    mut joined: Joined<K>,
    known: impl Fn() -> Vec<Arc<K>>,
) -> impl Stream<Item = watcher::Result<Event<K>>>
where
    K: Resource + Clone,
{
    events.flat_map(move |event| {
        stream::iter(match event {
            Ok((namespace, event)) => joined.take(&namespace, event, &known).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    })
}

/// Namespace and name.
type Key = (String, String);

fn key<K: Resource>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// How far the joined watch is.
enum Joined<K> {
    /// Some namespaces have not been listed yet.
    Gathering { objects: HashMap<Key, K>, missing: HashSet<String> },
    /// All have. What namespaces that are listed again have had so far.
    Following { again: HashMap<String, HashSet<Key>> },
}

impl<K: Resource + Clone> Joined<K> {
    fn new(namespaces: &[String]) -> Self {
        Self::Gathering { objects: HashMap::new(), missing: namespaces.iter().cloned().collect() }
    }

    /// What the store is told of an event in `namespace`.
    fn take(&mut self, namespace: &str, event: Event<K>, known: impl Fn() -> Vec<Arc<K>>) -> Vec<Event<K>> {
        match self {
            Self::Gathering { objects, missing } => {
                match event {
                    Event::Init => objects.retain(|(of, _), _| of != namespace),
                    Event::InitApply(object) | Event::Apply(object) => drop(objects.insert(key(&object), object)),
                    Event::Delete(object) => drop(objects.remove(&key(&object))),
                    Event::InitDone => drop(missing.remove(namespace)),
                }
                if !missing.is_empty() {
                    return Vec::new();
                }
                let objects = std::mem::take(objects);
                *self = Self::Following { again: HashMap::new() };
                let listed = objects.into_values().map(Event::InitApply);
                [Event::Init].into_iter().chain(listed).chain([Event::InitDone]).collect()
            }
            Self::Following { again } => match event {
                Event::Init => {
                    again.insert(namespace.to_owned(), HashSet::new());
                    Vec::new()
                }
                Event::InitApply(object) => {
                    again.entry(namespace.to_owned()).or_default().insert(key(&object));
                    vec![Event::Apply(object)]
                }
                Event::InitDone => {
                    let listed = again.remove(namespace).unwrap_or_default();
                    let gone = known().into_iter().filter(|object| {
                        object.namespace().as_deref() == Some(namespace) && !listed.contains(&key(object.as_ref()))
                    });
                    gone.map(|object| Event::Delete(object.as_ref().clone())).collect()
                }
                event @ (Event::Apply(_) | Event::Delete(_)) => vec![event],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::reflector;

    use super::*;

    fn object(namespace: &str, name: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.namespace = Some(namespace.into());
        object.metadata.name = Some(name.into());
        object
    }

    /// What a store has after each of `events`, and the names of what was told it to be gone.
    fn follow(events: Vec<(&str, Event<ConfigMap>)>) -> (Vec<String>, Vec<String>, bool) {
        let (store, mut writer) = reflector::store::<ConfigMap>();
        let mut joined = Joined::new(&["east".to_owned(), "west".to_owned()]);
        let mut gone = Vec::new();
        for (namespace, event) in events {
            for event in joined.take(namespace, event, || store.state()) {
                if let Event::Delete(object) = &event {
                    gone.push(object.name_any());
                }
                writer.apply_watcher_event(&event);
            }
        }
        let mut names: Vec<_> = store.state().iter().map(|object| object.name_any()).collect();
        names.sort();
        let ready = futures::FutureExt::now_or_never(store.wait_until_ready()).is_some();
        (names, gone, ready)
    }

    fn listed() -> Vec<(&'static str, Event<ConfigMap>)> {
        vec![
            ("east", Event::Init),
            ("west", Event::Init),
            ("east", Event::InitApply(object("east", "a"))),
            ("east", Event::InitApply(object("east", "b"))),
            ("east", Event::InitDone),
            ("east", Event::Apply(object("east", "new"))),
            ("east", Event::Delete(object("east", "b"))),
            ("west", Event::InitApply(object("west", "c"))),
        ]
    }

    #[test]
    fn nothing_is_known_until_every_namespace_has_been_listed() {
        let (names, _, ready) = follow(listed());
        assert!(names.is_empty() && !ready, "{names:?}");
    }

    #[test]
    fn the_lists_of_all_namespaces_and_what_changed_meanwhile_are_known_at_once() {
        let (names, gone, ready) = follow([listed(), vec![("west", Event::InitDone)]].concat());
        assert!(ready);
        assert_eq!((names, gone), (vec!["a".to_owned(), "c".to_owned(), "new".to_owned()], vec![]));
    }

    #[test]
    fn a_first_list_that_was_interrupted_counts_for_nothing() {
        let again =
            vec![("west", Event::Init), ("west", Event::InitApply(object("west", "d"))), ("west", Event::InitDone)];
        let (names, ..) = follow([listed(), again].concat());
        assert_eq!(names, ["a", "d", "new"]);
    }

    #[test]
    fn a_namespace_that_is_listed_again_loses_what_is_gone_and_leaves_the_others_alone() {
        let again = vec![
            ("west", Event::InitDone),
            ("east", Event::Init),
            ("east", Event::InitApply(object("east", "a"))),
            ("east", Event::InitDone),
        ];
        let (names, gone, _) = follow([listed(), again].concat());
        assert_eq!((names, gone), (vec!["a".to_owned(), "c".to_owned()], vec!["new".to_owned()]));
    }
}
