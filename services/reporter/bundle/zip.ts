import { crc32, inflateRawSync } from 'node:zlib'

import { deflateSync } from 'fflate'

import { ReportError } from '../error.ts'

/**
 * The one form of ZIP file that bundles have: entries sorted by path, fixed times and attributes, sizes in the local headers, no
 * comments, no extra fields, nothing between or around. The same files always give the same bytes; a reader writes anew what it read
 * and compares, so it notices every other byte. Compression is fflate's, in JavaScript, so it does not depend on the machine's zlib.
 */
export interface ZipEntry {
  readonly path: string
  readonly isStored: boolean
  readonly packed: Uint8Array
  readonly bytes: number
  readonly crc: number
}

const localBytes = 30
const centralBytes = 46
const endBytes = 22
const version = 20
const utf8Names = 0x0800
/** 1980-01-01 00:00, the first time a ZIP file can tell. */
const fixedDate = 0x0021
const mostEntries = 4096
const mostBytes = 0xffff_fffe

export function packEntry(path: string, content: Uint8Array, isStored = false): ZipEntry {
  return {
    path,
    isStored,
    packed: isStored ? content : deflateSync(content, { level: 6 }),
    bytes: content.length,
    crc: crc32(content),
  }
}

/** The content of an entry. Never makes more bytes than the entry claims, which the reader has bounded. */
export function unpackEntry(entry: ZipEntry): Buffer {
  let content: Uint8Array
  try {
    content = entry.isStored
      ? entry.packed
      : inflateRawSync(entry.packed, { maxOutputLength: Math.max(1, entry.bytes) })
  } catch (cause) {
    throw malformed('it cannot be unpacked', cause)
  }
  if (content.length !== entry.bytes || crc32(content) !== entry.crc) {
    throw malformed('it does not unpack to what its header says')
  }
  return Buffer.from(content.buffer, content.byteOffset, content.length)
}

export function writeZip(entries: readonly ZipEntry[]): Buffer {
  const sorted = [...entries].sort(byPath)
  const parts: Uint8Array[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const entry of sorted) {
    const name = Buffer.from(entry.path)
    const local = Buffer.alloc(localBytes)
    local.writeUInt32LE(0x04034b50, 0)
    writeCommon(local, 4, entry, name.length)
    const central = Buffer.alloc(centralBytes)
    central.writeUInt32LE(0x02014b50, 0)
    central.writeUInt16LE(version, 4)
    writeCommon(central, 6, entry, name.length)
    central.writeUInt32LE(offset, 42)
    parts.push(local, name, entry.packed)
    directory.push(central, name)
    offset += localBytes + name.length + entry.packed.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(endBytes)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(sorted.length, 8)
  end.writeUInt16LE(sorted.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  if (offset + central.length + endBytes > mostBytes || sorted.length > mostEntries) {
    throw new ReportError('REPORT_TOO_LARGE', 'the bundle would be larger than a ZIP file can be')
  }
  return Buffer.concat([...parts, central, end])
}

export interface ReadZip {
  readonly entries: readonly ZipEntry[]
  /** Whether these are the very bytes that `writeZip` would write. When not, the files are still given, to say which were changed. */
  readonly isExact: boolean
}

/** Throws `BUNDLE_MALFORMED` for what cannot be read safely. `mostUnpacked` bounds what all files may unpack to. */
export function readZip(file: Buffer, mostUnpacked: number): ReadZip {
  const entries: ZipEntry[] = []
  const end = file.length - endBytes
  if (end < 0 || file.readUInt32LE(end) !== 0x06054b50) {
    throw malformed('it does not end as a bundle ends: bytes were cut off or added')
  }
  const count = file.readUInt16LE(end + 10)
  let at = file.readUInt32LE(end + 16)
  let unpacked = 0
  if (count > mostEntries) throw malformed(`it has more than ${mostEntries} files`)
  for (let index = 0; index < count; index++) {
    if (at + centralBytes > end || file.readUInt32LE(at) !== 0x02014b50) {
      throw malformed('its table of contents is damaged')
    }
    const nameBytes = file.readUInt16LE(at + 28)
    const packedBytes = file.readUInt32LE(at + 20)
    const bytes = file.readUInt32LE(at + 24)
    const local = file.readUInt32LE(at + 42)
    const next =
      at + centralBytes + nameBytes + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32)
    if (next > end || local + localBytes > end || file.readUInt32LE(local) !== 0x04034b50) {
      throw malformed('its table of contents points to where no file is')
    }
    const start = local + localBytes + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28)
    if (start + packedBytes > end) throw malformed('its table of contents points outside of it')
    unpacked += bytes
    if (unpacked > mostUnpacked) throw malformed(`it unpacks to more than ${mostUnpacked} bytes`)
    const path = file.toString('utf8', at + centralBytes, at + centralBytes + nameBytes)
    const isStored = file.readUInt16LE(at + 10) === 0
    const crc = file.readUInt32LE(at + 16)
    const packed = file.subarray(start, start + packedBytes)
    at = next
    // Other programs list directories, too.
    if (path.endsWith('/')) continue
    requirePath(path)
    entries.push({ path, isStored, packed, bytes, crc })
  }
  if (new Set(entries.map(({ path }) => path)).size !== entries.length) {
    throw malformed('it names a file twice')
  }
  return { entries, isExact: writeZip(entries).equals(file) }
}

function writeCommon(header: Buffer, at: number, entry: ZipEntry, nameBytes: number): void {
  header.writeUInt16LE(version, at)
  header.writeUInt16LE(utf8Names, at + 2)
  header.writeUInt16LE(entry.isStored ? 0 : 8, at + 4)
  header.writeUInt16LE(fixedDate, at + 8)
  header.writeUInt32LE(entry.crc, at + 10)
  header.writeUInt32LE(entry.packed.length, at + 14)
  header.writeUInt32LE(entry.bytes, at + 18)
  header.writeUInt16LE(nameBytes, at + 22)
}

// Unpacking with any tool must stay within the directory it was told.
function requirePath(path: string): void {
  if (/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(path) && !/(^|\/)\.\.?(\/|$)/.test(path)) return
  throw malformed(`it names a file outside of its directory or with unusual letters`)
}

function byPath(one: ZipEntry, other: ZipEntry): number {
  return one.path < other.path ? -1 : 1
}

function malformed(why: string, cause?: unknown): ReportError {
  return new ReportError('BUNDLE_MALFORMED', why, { cause })
}
