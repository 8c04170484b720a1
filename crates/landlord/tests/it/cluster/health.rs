//! The doctor on a healthy cluster, without a webhook.

use crate::landlord::binary;

#[tokio::test]
async fn a_healthy_cluster_is_good() {
    test_support::health::a_healthy_cluster_is_good(binary(), async |_| None).await;
}
