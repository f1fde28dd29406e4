//! `ollamanet catalog`: all models that are known, what the house writes on them and how it tags them, and the catalogue's
//! own file.

use serde_json::json;

use super::{
    Desk, End, fleet,
    fleet_args::{Catalog, CatalogTag, Find},
    out::{self, print, print_json, safe, say},
};
use crate::api::{
    Fault, amount,
    auth::Session,
    fleet::{CardPatch, CatalogueState, ModelTag},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Catalog) -> Result<(), End> {
    match what {
        Catalog::List(what) => fleet::list(desk, &Find { known: true, ..what }).await,
        Catalog::Show { model: Some(model) } => fleet::show(desk, &model).await,
        Catalog::Show { model: None } => {
            let session = desk.session().await?;
            told(desk, &desk.gateway.catalogue(&session).await?)
        }
        Catalog::Describe { model, description, notes, link, no_links } => {
            let session = desk.session().await?;
            let links = (no_links || !link.is_empty()).then_some(link);
            let patch = CardPatch { description, links, notes };
            if patch == CardPatch::default() {
                return Err(Fault::invalid("There is nothing to write.")
                    .hint("Add --description TEXT, --notes TEXT or --link URL.")
                    .into());
            }
            let card = desk.gateway.write_model_card(&session, &model, patch, None).await?;
            if desk.global.json { print_json(&card) } else { print(&format!("Written: {}\n", safe(&model))) }
        }
        Catalog::Tag(what) => tag(desk, what).await,
        Catalog::Import { file, dated } => {
            let session = desk.session().await?;
            let file = std::path::absolute(&file)
                .map_err(|error| Fault::invalid(format!("{} cannot be found: {error}.", file.display())))?;
            told(desk, &desk.gateway.import_catalogue(&session, file, dated).await?)
        }
        Catalog::Restore => {
            let session = desk.session().await?;
            told(desk, &desk.gateway.restore_catalogue(&session).await?)
        }
    }
}

fn told(desk: &Desk, state: &CatalogueState) -> Result<(), End> {
    if desk.global.json {
        return print_json(state);
    }
    let from = match state.imported_at {
        Some(at) => format!("imported on {}", out::moment(at)),
        None => "came with the program".to_owned(),
    };
    print(&format!(
        "The catalogue of {}: {}, {}; {from}\n",
        safe(&state.dated),
        amount::many(state.families, "family"),
        amount::many(state.tags, "tag")
    ))
}

async fn tag(desk: &Desk, what: CatalogTag) -> Result<(), End> {
    let session = &desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        CatalogTag::List => {
            let tags = gateway.model_tags(session).await?;
            if desk.global.json {
                print_json(&tags)
            } else if tags.is_empty() {
                say("There is no tag for models. Give one: ollamanet catalog tag add TAG MODEL");
                Ok(())
            } else {
                let cells: Vec<[String; 3]> =
                    tags.iter().map(|tag| [safe(&tag.name), safe(&tag.category), tag.models.to_string()]).collect();
                print(&out::table(["TAG", "CATEGORY", "MODELS"], &cells))
            }
        }
        CatalogTag::Create { name, category } => {
            tagged(desk, "Made", &gateway.create_model_tag(session, &name, &category).await?)
        }
        CatalogTag::Rename { tag, name, category } => {
            let changed = gateway.change_model_tag(session, &tag, name.as_deref(), category.as_deref()).await?;
            tagged(desk, "Changed", &changed)
        }
        CatalogTag::Merge { from, into } => {
            tagged(desk, "Merged", &gateway.merge_model_tags(session, &from, &into).await?)
        }
        CatalogTag::Delete { tag, dry_run: true } => {
            let found = gateway.model_tags(session).await?;
            let wanted = tag.trim().trim_start_matches('#').to_lowercase();
            let found = found.into_iter().find(|found| found.name.to_lowercase() == wanted);
            let found = found.ok_or_else(|| {
                Fault::not_found("tag for models").hint("`ollamanet catalog tag list` shows what there is.")
            })?;
            tagged(desk, "Would be deleted", &found)
        }
        CatalogTag::Delete { tag, dry_run: false } => {
            let carried = gateway.delete_model_tag(session, &tag).await?;
            if desk.global.json {
                return print_json(&json!({ "deleted": tag, "carried": carried }));
            }
            print(&format!("Deleted: {}, which {} carried\n", safe(&tag), amount::many(carried, "model")))
        }
        CatalogTag::Add { tag, models } => put(desk, session, models, vec![tag], Vec::new()).await,
        CatalogTag::Remove { tag, models } => put(desk, session, models, Vec::new(), vec![tag]).await,
    }
}

fn tagged(desk: &Desk, done: &str, tag: &ModelTag) -> Result<(), End> {
    if desk.global.json {
        return print_json(tag);
    }
    let category = if tag.category.is_empty() { String::new() } else { format!(" ({})", safe(&tag.category)) };
    print(&format!("{done}: {}{category}, on {}\n", safe(&tag.name), amount::many(tag.models, "model")))
}

async fn put(
    desk: &Desk,
    session: &Session,
    models: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
) -> Result<(), End> {
    let changed = desk.gateway.tag_models(session, models, add, remove).await?;
    if desk.global.json { print_json(&json!({ "changed": changed })) } else { print(&format!("Changed: {changed}\n")) }
}
