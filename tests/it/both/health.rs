//! The doctor on a healthy cluster, with a webhook that answers.

use crate::landlord::{binary, start_policy};

#[tokio::test]
async fn a_healthy_cluster_is_good() {
    test_support::health::a_healthy_cluster_is_good(binary(), async |cluster| {
        start_policy(cluster, "landlord").await
    })
    .await;
}
