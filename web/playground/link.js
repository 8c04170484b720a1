// Links: the whole state of the editors behind the `#` of the address, compressed. Browsers do not send that part anywhere.

const VERSION = '#1.';
/** More than a person types; a link is data of another person, and a short one can unpack to gigabytes. */
const LARGEST = 1 << 20;
const TOO_LARGE = 'it is larger than 1 MB';

/** The editors' texts as a fragment. */
export async function encode(texts) {
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  const packed = await gather(new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw')), Infinity);
  const binary = Array.from(packed, (byte) => String.fromCharCode(byte)).join('');
  return VERSION + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The texts of a fragment; null where it is none of ours. An error says in a few words what is wrong with it. */
export async function decode(fragment) {
  if (!fragment.startsWith(VERSION)) return null;
  const unpacked = new TextDecoder().decode(await unpack(fragment.slice(VERSION.length)));
  let texts = null;
  try { texts = JSON.parse(unpacked); } catch { /* What is no JSON holds no texts. */ }
  if (texts === null || typeof texts !== 'object') throw new Error('it holds no texts');
  return texts;
}

async function unpack(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
    return await gather(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')), LARGEST);
  } catch (error) {
    throw error.message === TOO_LARGE ? error : new Error('a part of it is missing or was changed');
  }
}

async function gather(stream, limit) {
  const chunks = [];
  let length = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    length += value.length;
    if (length > limit) throw new Error(TOO_LARGE);
    chunks.push(value);
  }
}
