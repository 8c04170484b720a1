// Links: the whole state of the editors behind the `#` of the address, compressed. Browsers do not send that part anywhere.

const VERSION = '#1.';
/** More than anybody types; a link is data of another person, and a short one can unpack to gigabytes. */
const LARGEST = 1 << 20;

/** The editors' texts as a fragment. */
export async function encode(texts) {
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  const packed = await gather(new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw')), Infinity);
  const binary = Array.from(packed, (byte) => String.fromCharCode(byte)).join('');
  return VERSION + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The texts of a fragment; null where it is none of ours. */
export async function decode(fragment) {
  if (!fragment.startsWith(VERSION)) return null;
  const binary = atob(fragment.slice(VERSION.length).replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const unpacked = await gather(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')), LARGEST);
  const texts = JSON.parse(new TextDecoder().decode(unpacked));
  if (texts === null || typeof texts !== 'object') throw new Error('it holds no texts');
  return texts;
}

async function gather(stream, limit) {
  const chunks = [];
  let length = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    length += value.length;
    if (length > limit) throw new Error('it is larger than 1 MB');
    chunks.push(value);
  }
}
