//! World: a cluster, the policy, and controllers that look after it.

use std::ops::{Deref, DerefMut};

use local_cluster::{Builder, Cluster};

pub(crate) use test_support::world::{GATE, LEDGER, NODE_SELECTOR, eventually};

use crate::landlord::{binary, start_policy};

/// A type of these tests, so that each file adds the steps that it needs.
pub(crate) struct World(test_support::world::World);

impl World {
    /// A cluster with landlord's and Capsule's kinds, without a controller. `source` is the
    /// settings' `tenantSource`.
    pub(crate) async fn without_controller(source: &'static str) -> Self {
        Self::on(Cluster::builder(), source).await
    }

    /// The same on this cluster.
    pub(crate) async fn on(builder: Builder, source: &'static str) -> Self {
        Self(test_support::world::World::on(builder, source, binary()).await)
    }

    /// The same with the policy and one controller at work.
    pub(crate) async fn new(source: &'static str) -> Self {
        let mut world = Self::without_controller(source).await;
        world.policy = start_policy(&world.cluster, source).await;
        world.add_controller("one").await;
        world
    }
}

impl Deref for World {
    type Target = test_support::world::World;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
