//! Replica: a controller with a name, a line to the server that can be held or cut, and a lease if
//! it asks for one.

use fake_apiserver::Connection;

use super::super::*;
use cluster::lease::Election;

pub(super) struct Replica {
    pub(super) reconciler: Arc<Reconciler>,
    leadership: Leadership,
    connection: Connection,
    tasks: Vec<JoinHandle<()>>,
}

impl Replica {
    /// One that waits for the lease.
    pub(super) fn candidate(server: &InMemory, name: &str) -> Self {
        let (client, connection) = server.connect(name);
        let (leadership, work) =
            Election::new(client.clone(), "landlord", "controller", name.to_owned())
                .run(std::future::pending());
        Self::start(client, connection, leadership, vec![tokio::spawn(work)])
    }

    /// One that does not.
    pub(super) fn usurper(server: &InMemory, name: &str) -> Self {
        let (client, connection) = server.connect(name);
        Self::start(client, connection, Leadership::forever(), Vec::new())
    }

    fn start(
        client: Client,
        connection: Connection,
        leadership: Leadership,
        mut tasks: Vec<JoinHandle<()>>,
    ) -> Self {
        // A schedule's admins leave no record: there is no guard.
        let settings = json!({"claims": "trusted"});
        let (reconciler, supervised) =
            supervise(start_controller(client, &settings, &leadership, true));
        tasks.push(supervised);
        Self { reconciler, leadership, connection, tasks }
    }

    pub(super) fn leads(&self) -> bool {
        self.leadership.holds()
    }

    pub(super) fn freeze(&self) {
        self.connection.hold();
    }

    pub(super) fn thaw(&self) {
        self.connection.open();
    }
}

/// A crash: what its tasks have started themselves goes on, and nobody hears of it.
impl Drop for Replica {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
