//! Pictures of each view for the documentation, from the running page: `make screenshots`.

use std::path::PathBuf;

use super::page::{VIEWS, show};
use super::scene::{edit_solar, set_calmly};
use super::*;
use test_support::browser::Browser;

const SIZES: [(u32, u32); 2] = [(1280, 800), (390, 844)];

#[tokio::test]
#[ignore = "writes pictures into the folder LANDLORD_PICTURES: make screenshots"]
async fn pictures() {
    let folder =
        PathBuf::from(std::env::var("LANDLORD_PICTURES").expect("LANDLORD_PICTURES: where to"));
    let world = set_calmly("four digits, see wiki/cost").await;
    let (url, browser) = (address(&world, "one"), Browser::start().await);
    // Some history is worth a picture.
    let patience =
        std::env::var("LANDLORD_PATIENCE").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    tokio::time::sleep(std::time::Duration::from_secs(patience)).await;
    for (view, text) in VIEWS.into_iter().chain([
        ("#/tenant/solar", "solar-1"),
        ("#/namespaces?search=shadow&open=shadow-api", "landlord explain"),
    ]) {
        let name: String = view
            .trim_start_matches("#/")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        for (width, height) in SIZES {
            for theme in ["light", "dark"] {
                browser.show_as(width, height, theme).await;
                if view == "#/backfill" {
                    edit_solar(&world, &format!("{width}{theme}")).await;
                    show(&browser, &url, view, "Running").await;
                } else {
                    show(&browser, &url, view, text).await;
                }
                // All of the page: a dialog covers what there is to see.
                if !view.contains("open=") {
                    let whole = browser
                        .run("return document.documentElement.scrollHeight", json!([]))
                        .await;
                    browser
                        .show_as(
                            width,
                            whole
                                .as_u64()
                                .and_then(|whole| u32::try_from(whole).ok())
                                .unwrap_or(height)
                                .max(height),
                            theme,
                        )
                        .await;
                }
                let picture = browser.picture().await;
                std::fs::write(folder.join(format!("{name}-{width}-{theme}.png")), picture)
                    .expect("a file");
            }
        }
    }
    browser.close().await;
}
