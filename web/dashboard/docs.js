// Where landlord is described. Links only: the page itself loads nothing from there.

const REPOSITORY = 'https://github.com/landlord-dev/landlord';

/** A page of the documentation: `docs('holds.md#when-it-goes')`. */
export const docs = (page) => `${REPOSITORY}/blob/main/docs/${page}`;

export const LINKS = { documentation: docs('SUMMARY.md'), dashboard: docs('dashboard.md'), releases: `${REPOSITORY}/blob/main/CHANGELOG.md`, source: REPOSITORY };
