//! Order: what must come before what, and which chain is the longest.

use std::time::Duration;

/// A graph of steps by their index; an edge leads from a step to one that must be over before it begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    before: Vec<Vec<usize>>,
}

impl Graph {
    /// A graph of `size` steps without edges.
    pub(crate) fn new(size: usize) -> Self {
        Self { before: vec![Vec::new(); size] }
    }

    /// `first` must be over before `then` begins.
    pub(crate) fn order(&mut self, first: usize, then: usize) {
        if first != then && !self.before[then].contains(&first) {
            self.before[then].push(first);
        }
    }

    /// The same, unless the two already wait for each other the other way round.
    pub(crate) fn order_unless_circle(&mut self, first: usize, then: usize) {
        if !self.waits(first, then) {
            self.order(first, then);
        }
    }

    /// Whether `step` begins only when `other` is over, directly or by way of others.
    fn waits(&self, step: usize, other: usize) -> bool {
        let mut open = vec![step];
        let mut met = vec![false; self.before.len()];
        while let Some(next) = open.pop() {
            if next == other {
                return true;
            }
            if !std::mem::replace(&mut met[next], true) {
                open.extend(&self.before[next]);
            }
        }
        false
    }

    /// What must be over before `step` begins.
    pub(crate) fn before(&self, step: usize) -> &[usize] {
        &self.before[step]
    }

    /// What waits for each step.
    pub(crate) fn after(&self) -> Vec<Vec<usize>> {
        let mut after = vec![Vec::new(); self.before.len()];
        for (then, before) in self.before.iter().enumerate() {
            for &first in before {
                after[first].push(then);
            }
        }
        after
    }

    /// The steps in an order that respects all edges, or the steps of a circle.
    pub(crate) fn sorted(&self) -> Result<Vec<usize>, Vec<usize>> {
        let after = self.after();
        let mut missing: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut sorted: Vec<usize> = (0..missing.len()).filter(|&step| missing[step] == 0).collect();
        let mut next = 0;
        while let Some(&step) = sorted.get(next) {
            next += 1;
            for &then in &after[step] {
                missing[then] -= 1;
                if missing[then] == 0 {
                    sorted.push(then);
                }
            }
        }
        if sorted.len() == missing.len() {
            Ok(sorted)
        } else {
            Err((0..missing.len()).filter(|&step| missing[step] > 0).collect())
        }
    }

    /// For each step, the time from its beginning to the end of the longest chain that it starts.
    pub(crate) fn chains(&self, sorted: &[usize], times: &[Duration]) -> Vec<Duration> {
        let after = self.after();
        let mut chains = vec![Duration::ZERO; times.len()];
        for &step in sorted.iter().rev() {
            let rest = after[step].iter().map(|&then| chains[then]).max().unwrap_or_default();
            chains[step] = times[step] + rest;
        }
        chains
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_circle_is_named() {
        let mut graph = Graph::new(4);
        graph.order(0, 1);
        graph.order(1, 2);
        graph.order(2, 1);
        assert_eq!(graph.sorted(), Err(vec![1, 2]));
    }

    #[test]
    fn an_order_that_would_close_a_circle_can_be_left_out() {
        let mut graph = Graph::new(3);
        graph.order_unless_circle(0, 1);
        graph.order_unless_circle(1, 2);
        graph.order_unless_circle(2, 0);
        assert_eq!(graph.sorted(), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn the_longest_chain_counts_from_the_beginning_of_a_step() {
        let mut graph = Graph::new(4);
        graph.order(0, 1);
        graph.order(1, 3);
        graph.order(2, 3);
        let seconds: Vec<_> = [1, 2, 10, 4].into_iter().map(Duration::from_secs).collect();
        let chains = graph.chains(&graph.sorted().unwrap(), &seconds);
        assert_eq!(chains, [7, 6, 14, 4].map(Duration::from_secs));
    }

    proptest! {
        #[test]
        fn sorting_respects_every_edge(edges in prop::collection::vec((0usize..20, 0usize..20), 0..60)) {
            let mut graph = Graph::new(20);
            for (a, b) in edges {
                graph.order(a.min(b), a.max(b));
            }
            let sorted = graph.sorted().unwrap();
            let place = |step| sorted.iter().position(|&other| other == step).unwrap();
            for step in 0..20 {
                for &first in graph.before(step) {
                    prop_assert!(place(first) < place(step));
                }
            }
        }
    }
}
