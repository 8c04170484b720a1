//! A release's files for each system: what docs/install.md downloads, and what package managers
//! find in them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::install::page;
use crate::landlord::{Run, binary, root, run_command};

/// A program of a few bytes that does what landlord does, by whichever name it is called.
fn small_program(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("small-landlord");
    let script = format!("#!/bin/bash\nexec -a \"$0\" {} \"$@\"\n", binary().display());
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    path
}

fn script(name: &str) -> Command {
    Command::new(root().join("scripts").join(name))
}

fn succeed(command: &mut Command) -> Run {
    let run = run_command(command, "");
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    run
}

/// The commands by which docs/install.md downloads the command line, from a folder instead.
fn download_commands(from: &Path) -> String {
    let page = page();
    let block = page
        .split("```console\n")
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.contains("SHA256SUMS"))
        .expect("a download that is checked");
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let address = format!(
        "https://github.com/landlord-dev/landlord/releases/download/v{}/",
        env!("CARGO_PKG_VERSION")
    );
    let text = commands.join("\n");
    assert_eq!(text.matches("https://").count(), text.matches(&address).count(), "{text}");
    text.replace(&address, &format!("file://{}/", from.display()))
}

/// Runs them with an empty home.
fn download(from: &Path, home: &Path) -> Run {
    let work = TempDir::new().expect("a folder");
    let path = format!("{}:/usr/bin:/bin", home.join(".local/bin").display());
    let mut bash = Command::new("bash");
    bash.args(["-euc", &download_commands(from)]).current_dir(work.path());
    run_command(bash.env("HOME", home).env("PATH", path), "")
}

fn archive(folder: &Path) {
    let program = small_program(folder);
    let dist = folder.join("dist");
    succeed(script("archive-binary").arg(&program).arg(&dist));
    succeed(script("checksums").arg(&dist));
}

#[test]
fn the_command_line_of_a_release_is_downloaded_checked_and_complete() {
    let (folder, home) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    archive(folder.path());
    let run = download(&folder.path().join("dist"), home.path());
    assert_eq!(run.code, Some(0), "{}", run.err);
    let version = concat!("landlord ", env!("CARGO_PKG_VERSION"), "\n");
    assert!(run.out.contains(".tar.gz: OK\n") && run.out.ends_with(version), "{}", run.out);
    let local = home.path().join(".local");
    let help = succeed(Command::new(local.join("bin/kubectl-landlord")).arg("-h").env_clear());
    assert!(help.out.contains("Usage: kubectl landlord"), "{}{}", help.out, help.err);
    for path in [
        "man/man1/landlord-plan.1",
        "bash-completion/completions/landlord",
        "zsh/site-functions/_landlord",
        "doc/landlord/LICENSE",
    ] {
        assert!(local.join("share").join(path).is_file(), "{path}");
    }
}

#[test]
fn a_download_with_another_sum_is_not_unpacked() {
    let (folder, home) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    archive(folder.path());
    let dist = folder.path().join("dist");
    let file = format!("landlord-linux-{}.tar.gz", std::env::consts::ARCH);
    let mut bytes = fs::read(dist.join(&file)).expect("the archive");
    bytes.push(0);
    fs::write(dist.join(&file), bytes).expect("written");
    let run = download(&dist, home.path());
    assert!(run.code != Some(0) && run.out.contains(&format!("{file}: FAILED")), "{}", run.out);
    assert!(!home.path().join(".local/bin").exists(), "nothing is installed");
}

/// What other machines build: these programs are never started here.
fn foreign_programs(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    for name in ["landlord-darwin-x86_64", "landlord-darwin-arm64", "landlord-windows-x86_64.exe"] {
        fs::write(folder.join(name), format!("made up: {name}")).expect("written");
    }
}

fn assemble(folder: &Path) -> Run {
    let program = small_program(folder);
    let (dist, native) = (folder.join("dist"), folder.join("native"));
    for machine in ["x86_64", "aarch64"] {
        succeed(script("archive-binary").arg(&program).arg(&dist).args(["linux", machine]));
    }
    run_command(script("assemble").arg("1.2.3").arg(&dist).arg(&native), "")
}

/// The paths in an archive; those of links end with where they lead.
fn paths(archive: &Path) -> Vec<String> {
    let list = if archive.extension().is_some_and(|extension| extension == "zip") {
        succeed(Command::new("unzip").arg("-Z1").arg(archive)).out
    } else {
        let list = succeed(Command::new("tar").arg("-tvzf").arg(archive)).out;
        let path = |line: &str| line.split_whitespace().skip(5).collect::<Vec<_>>().join(" ");
        list.lines().map(|line| path(line) + "\n").collect()
    };
    list.lines().map(str::to_owned).collect()
}

/// Krew refuses an archive with a link in it.
#[test]
fn krew_finds_its_files_in_the_archives_of_a_release_and_nothing_else() {
    let folder = TempDir::new().expect("a folder");
    foreign_programs(&folder.path().join("native"));
    let run = assemble(folder.path());
    assert_eq!(run.code, Some(0), "{}", run.err);
    let dist = folder.path().join("dist");
    succeed(
        Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&dist),
    );
    let sums = fs::read_to_string(dist.join("SHA256SUMS")).expect("sums");
    assert!(sums.contains("  krew.yaml\n") && sums.contains("  landlord.rb\n"), "{sums}");

    let manifest = fs::read_to_string(dist.join("krew.yaml")).expect("krew's manifest");
    let manifest: Value = serde_saphyr::from_str(&manifest).expect("YAML");
    let platforms = manifest["spec"]["platforms"].as_array().expect("platforms");
    for platform in platforms {
        let (_, file) =
            platform["uri"].as_str().and_then(|uri| uri.rsplit_once('/')).expect("an address");
        let wanted = platform["files"].as_array().expect("files");
        let wanted: Vec<&str> = wanted.iter().filter_map(|one| one["from"].as_str()).collect();
        let mut found = paths(&dist.join(file));
        found.sort_by_key(|path| path == "LICENSE");
        assert_eq!(found, wanted, "{file}");
        assert!(wanted.contains(&platform["bin"].as_str().expect("a program")), "{file}");
    }
}

#[test]
fn homebrew_finds_its_files_in_the_archives_of_a_release() {
    let folder = TempDir::new().expect("a folder");
    foreign_programs(&folder.path().join("native"));
    assert_eq!(assemble(folder.path()).code, Some(0));
    let dist = folder.path().join("dist");
    let formula = fs::read_to_string(dist.join("landlord.rb")).expect("the formula");
    let quoted =
        |line: &str| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let archives: Vec<String> = formula
        .lines()
        .filter(|line| line.trim_start().starts_with("url "))
        .flat_map(quoted)
        .filter_map(|url| url.rsplit_once('/').map(|(_, file)| file.to_owned()))
        .collect();
    assert_eq!(archives.len(), 4, "{formula}");
    let installed: Vec<String> = formula
        .lines()
        .filter(|line| line.contains(".install "))
        .flat_map(quoted)
        .map(|path| path.replace("*.1", "landlord-plan.1"))
        .collect();
    assert!(installed.len() >= 6, "{formula}");
    for archive in archives {
        let found = paths(&dist.join(&archive));
        for path in &installed {
            assert!(found.contains(path), "{archive} has no {path}: {found:?}");
        }
    }
}

/// The program in an archive is the one that was built for its system.
#[test]
fn each_archive_holds_the_program_of_its_system() {
    let folder = TempDir::new().expect("a folder");
    foreign_programs(&folder.path().join("native"));
    assert_eq!(assemble(folder.path()).code, Some(0));
    let dist = folder.path().join("dist");
    for name in ["landlord-darwin-x86_64", "landlord-darwin-arm64"] {
        for (archive, path) in
            [(name.to_owned(), "bin/landlord"), (format!("kubectl-{name}"), "landlord")]
        {
            let mut tar = Command::new("tar");
            tar.arg("-xzOf").arg(dist.join(format!("{archive}.tar.gz"))).arg(path);
            assert_eq!(succeed(&mut tar).out, format!("made up: {name}"));
        }
    }
    let mut unzip = Command::new("unzip");
    unzip.arg("-p").arg(dist.join("landlord-windows-x86_64.zip")).arg("landlord.exe");
    assert_eq!(succeed(&mut unzip).out, "made up: landlord-windows-x86_64.exe");
}

#[test]
fn a_release_without_one_of_its_programs_is_an_error() {
    let folder = TempDir::new().expect("a folder");
    foreign_programs(&folder.path().join("native"));
    fs::remove_file(folder.path().join("native/landlord-darwin-arm64")).expect("removed");
    let run = assemble(folder.path());
    assert!(
        run.code != Some(0) && run.err.contains("no program landlord-darwin-arm64 in"),
        "{}",
        run.err
    );
}
