//! The time of a product on several machines, from few numbers: a latency, a bandwidth, and rates of arithmetic.

/// One process and its connection with another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// Seconds of a message without numbers.
    pub(crate) latency: f64,
    /// Bytes a second of a long message.
    pub(crate) bandwidth: f64,
    /// Bytes of one summand that are added to another in a second.
    pub(crate) adding: f64,
    /// Operations a second in products of the network.
    pub(crate) rate: f64,
    /// Seconds of a product in which nothing depends on the samples: weights and sums are put in another order.
    pub(crate) fixed: f64,
}

/// A product with the Hessian.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) samples: usize,
    pub(crate) leaves: usize,
    /// Operations for a sample.
    pub(crate) operations: f64,
    /// Bytes of the result.
    pub(crate) bytes: f64,
}

/// Operations of a product for each multiplication of the network, sample and direction: two in each of the six products of the
/// dual passes.
pub(crate) const OPERATIONS: f64 = 12.0;

impl Product {
    /// Seconds of the arithmetic by `ranks` processes: those of the process with most leaves.
    pub(crate) fn arithmetic(&self, machine: &Machine, ranks: usize) -> f64 {
        let leaves = self.leaves.div_ceil(ranks.min(self.leaves));
        machine.fixed + self.samples as f64 * leaves as f64 / self.leaves as f64 * self.operations / machine.rate
    }

    /// Seconds of the messages: one on each level of the tree of leaves that lies between processes, whose numbers are added, and
    /// the broadcast of the sum.
    pub(crate) fn messages(&self, machine: &Machine, ranks: usize) -> f64 {
        let levels = |n: usize| f64::from(usize::BITS - (n.max(1) - 1).leading_zeros());
        let message = machine.latency + self.bytes / machine.bandwidth;
        levels(ranks.min(self.leaves)) * (message + self.bytes / machine.adding) + levels(ranks) * message
    }

    /// Seconds of a product.
    pub(crate) fn seconds(&self, machine: &Machine, ranks: usize) -> f64 {
        self.arithmetic(machine, ranks) + self.messages(machine, ranks)
    }
}
