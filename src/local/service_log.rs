//! What the programs of services say: a file for each service, `DATA/services/ACCOUNT/REGION/NAME.log`, and how people name
//! one of them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::daemon::entries::is_early;

/// A service, and where it is. Of a file that was written before services of one name were told apart, only the name is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Twelve digits.
    pub account: String,
    /// The region's name.
    pub region: String,
    /// The service's name.
    pub name: String,
}

impl Named {
    /// What it can be called by, from the shortest to the whole.
    fn names(&self) -> Vec<String> {
        let Self { account, region, name } = self;
        match region.is_empty() {
            true => vec![name.clone()],
            false => vec![name.clone(), format!("{region}/{name}"), format!("{account}/{region}/{name}")],
        }
    }

    /// The file with all that its program says.
    pub fn file(&self, data: &Path) -> PathBuf {
        let folder = data.join("services").join(&self.account).join(&self.region);
        folder.join(format!("{}.log", self.name))
    }

    /// Takes over what was written before services of one name were told apart: whichever of them is first has all of it. What
    /// has come there since is somebody's.
    pub(crate) fn take_over(&self, data: &Path) -> io::Result<()> {
        let before = Self { account: String::new(), region: String::new(), name: self.name.clone() }.file(data);
        let is_old = fs::symlink_metadata(&before).is_ok_and(|log| log.is_file() && is_early(data)(&log));
        match is_old && !self.file(data).exists() {
            true => fs::rename(before, self.file(data)),
            false => Ok(()),
        }
    }
}

/// Every service whose program has said something.
pub fn all(data: &Path) -> Vec<Named> {
    let named = |account: &str, region: &str, file: &str| {
        let [account, region] = [account, region].map(str::to_owned);
        file.strip_suffix(".log").map(|name| Named { account, region, name: name.to_owned() })
    };
    let services = data.join("services");
    let mut found: Vec<Named> = entries(&services).iter().filter_map(|file| named("", "", file)).collect();
    for account in entries(&services) {
        for region in entries(&services.join(&account)) {
            let files = entries(&services.join(&account).join(&region));
            found.extend(files.iter().filter_map(|file| named(&account, &region, file)));
        }
    }
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Why none of several is meant; with what they can be called by.
#[derive(Debug, PartialEq, Eq)]
pub enum Unclear {
    /// There is none at all.
    Nothing,
    /// None is called so.
    Unknown(Vec<String>),
    /// More than one is.
    Several(Vec<String>),
}

/// Which of these is meant by a name, by `REGION/NAME`, or by `ACCOUNT/REGION/NAME`; by nothing where there is only one.
///
/// # Errors
/// Where it is not one of them.
pub fn choose<'a>(all: &'a [Named], asked: &str) -> Result<&'a Named, Unclear> {
    let meant: Vec<&Named> =
        all.iter().filter(|one| asked.is_empty() || one.names().iter().any(|name| name == asked)).collect();
    // What is known by more than its name comes before an old file of that name.
    let placed: Vec<&Named> = meant.iter().copied().filter(|one| !one.region.is_empty()).collect();
    match (placed.as_slice(), meant.as_slice()) {
        ([one], _) if !asked.is_empty() => Ok(one),
        (_, [one]) => Ok(one),
        (_, []) if all.is_empty() => Err(Unclear::Nothing),
        (_, []) => Err(Unclear::Unknown(shortest(all, &all.iter().collect::<Vec<_>>()))),
        _ => Err(Unclear::Several(shortest(all, &meant))),
    }
}

/// What each of these can be called by, as short as none of the others is called by it.
fn shortest(all: &[Named], these: &[&Named]) -> Vec<String> {
    let is_unclear = |one: &Named, name: &String| all.iter().any(|other| other != one && other.names().contains(name));
    let shortest = |one: &&Named| {
        let names = one.names();
        names.iter().find(|name| !is_unclear(one, name)).or(names.last()).cloned().unwrap_or_default()
    };
    these.iter().map(shortest).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn named(account: &str, region: &str, name: &str) -> Named {
        let [account, region, name] = [account, region, name].map(str::to_owned);
        Named { account, region, name }
    }

    #[test]
    fn services_of_one_name_are_told_apart_by_where_they_are() {
        let all = [
            named("000000000000", "eu-central-1", "shop"),
            named("000000000000", "eu-west-1", "shop"),
            named("111122223333", "eu-west-1", "shop"),
            named("111122223333", "eu-west-1", "blog"),
        ];
        for (asked, expected) in [
            ("blog", &all[3]),
            ("eu-central-1/shop", &all[0]),
            ("000000000000/eu-west-1/shop", &all[1]),
            ("111122223333/eu-west-1/shop", &all[2]),
        ] {
            assert_eq!(choose(&all, asked), Ok(expected), "{asked}");
        }
        let words = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let shops = words(&["eu-central-1/shop", "000000000000/eu-west-1/shop", "111122223333/eu-west-1/shop"]);
        assert_eq!(choose(&all, "shop"), Err(Unclear::Several(shops.clone())));
        let everything = [shops, words(&["blog"])].concat();
        assert_eq!(choose(&all, ""), Err(Unclear::Several(everything.clone())));
        assert_eq!(choose(&all, "cart"), Err(Unclear::Unknown(everything)));
        assert_eq!(choose(&all[3..], ""), Ok(&all[3]));
        assert_eq!(choose(&[], ""), Err(Unclear::Nothing));
    }

    #[test]
    fn what_was_written_before_goes_to_the_first_and_is_found_until_then() {
        let data = tempfile::tempdir().unwrap();
        let (here, there) = (named("000000000000", "eu-central-1", "shop"), named("000000000000", "eu-west-1", "shop"));
        fs::create_dir_all(data.path().join("services")).unwrap();
        fs::write(data.path().join("services/shop.log"), "old\n").unwrap();
        let old = all(data.path());
        assert_eq!(old, [named("", "", "shop")]);
        assert_eq!(choose(&old, "shop").unwrap().file(data.path()), data.path().join("services/shop.log"));
        for one in [&here, &there] {
            fs::create_dir_all(one.file(data.path()).parent().unwrap()).unwrap();
            one.take_over(data.path()).unwrap();
        }
        assert_eq!(fs::read_to_string(here.file(data.path())).unwrap(), "old\n");
        assert!(!there.file(data.path()).exists());
        fs::write(there.file(data.path()), "").unwrap();
        assert_eq!(all(data.path()), [here, there]);
    }

    #[test]
    fn what_somebody_has_put_there_since_is_not_taken_over() {
        let data = tempfile::tempdir().unwrap();
        crate::local::daemon::entries::claim(data.path()).unwrap();
        let shop = named("000000000000", "eu-central-1", "shop");
        fs::create_dir_all(shop.file(data.path()).parent().unwrap()).unwrap();
        let log = data.path().join("services/shop.log");
        fs::write(&log, "somebody's\n").unwrap();
        let now = std::time::SystemTime::now();
        for (written, is_taken) in [(now + Duration::from_secs(60), false), (now - Duration::from_secs(60), true)] {
            fs::File::options().write(true).open(&log).unwrap().set_modified(written).unwrap();
            shop.take_over(data.path()).unwrap();
            assert_eq!((log.exists(), shop.file(data.path()).exists()), (!is_taken, is_taken));
        }
    }

    #[test]
    fn an_old_file_hides_no_service() {
        let all = [named("", "", "shop"), named("000000000000", "eu-west-1", "shop")];
        assert_eq!(choose(&all, "shop"), Ok(&all[1]));
        assert_eq!(choose(&all[..1], ""), Ok(&all[0]));
    }
}
