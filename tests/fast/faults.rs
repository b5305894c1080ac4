//! docs/faults.md has a row for every fault, and the tests that it names exist.

use crate::{read, root};

/// How many faults of each kind there are.
const KINDS: [(char, usize); 4] = [('I', 20), ('K', 20), ('A', 24), ('W', 10)];

#[test]
fn every_fault_has_one_row() {
    let page = read(&root().join("docs/faults.md"));
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let rows: Vec<&str> = cells.filter(|cell| *cell != "Id").collect();
    for (kind, count) in KINDS {
        for number in 1..=count {
            let id = format!("{kind}{number}");
            assert_eq!(rows.iter().filter(|row| **row == id).count(), 1, "{id}");
        }
    }
    assert_eq!(
        rows.len(),
        KINDS.iter().map(|(_, count)| count).sum::<usize>(),
        "a row has no number of ours: {rows:?}"
    );
}

#[test]
fn every_test_that_the_faults_name_exists() {
    let page = read(&root().join("docs/faults.md"));
    let named: Vec<(&str, &str)> = page.split('`').filter_map(|text| text.split_once("::")).collect();
    assert!(named.len() > 50, "only {} tests are named", named.len());
    for (file, test) in named {
        let source = read(&root().join(file));
        let is_there = source.contains(&format!("fn {test}(")) || source.contains(&format!("def {test}("));
        assert!(is_there, "{file} has no test {test}");
    }
}
