import { crc32 } from 'node:zlib'

import { closeFrame, frameHeaderBytes, frameType } from './frame.ts'

/**
 * A segment file: a header, then batches, each of record frames and one commit frame; when it is full, a seal footer.
 * The header, big-endian: `8 magic | u16 version | u8 crc polynomial | u64 first seq | u16 length | log origin | u32 crc`.
 */
export interface SegmentHeader {
  readonly origin: string
  readonly firstSeq: number
}

const magic = Buffer.from('AFDVTSEG', 'latin1')
const segmentVersion = 1
/** CRC-32 of IEEE 802.3, reflected polynomial 0xEDB88320: `zlib.crc32`. */
const crcIeee = 1
const fixedBytes = magic.length + 2 + 1 + 8 + 2

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const origin = Buffer.from(header.origin)
  const bytes = Buffer.alloc(fixedBytes + origin.length + 4)
  let at = magic.copy(bytes)
  at = bytes.writeUInt16BE(segmentVersion, at)
  at = bytes.writeUInt8(crcIeee, at)
  at = bytes.writeBigUInt64BE(BigInt(header.firstSeq), at)
  at = bytes.writeUInt16BE(origin.length, at)
  at += origin.copy(bytes, at)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, at)), at)
  return bytes
}

/** The header and where the frames begin; null when the bytes do not begin with a header that we know. */
export function decodeSegmentHeader(
  bytes: Buffer,
): { readonly header: SegmentHeader; readonly end: number } | null {
  if (bytes.length < fixedBytes || !bytes.subarray(0, magic.length).equals(magic)) return null
  if (bytes.readUInt16BE(8) !== segmentVersion || bytes[10] !== crcIeee) return null
  const originEnd = fixedBytes + bytes.readUInt16BE(19)
  if (bytes.length < originEnd + 4) return null
  if (crc32(bytes.subarray(0, originEnd)) !== bytes.readUInt32BE(originEnd)) return null
  const header: SegmentHeader = {
    origin: bytes.toString('utf8', fixedBytes, originEnd),
    firstSeq: Number(bytes.readBigUInt64BE(11)),
  }
  return { header, end: originEnd + 4 }
}

/** The footer repeats what the last commit said, so that a segment without its last batch is seen to be short. */
export interface SealFooter {
  readonly size: number
  readonly root: Buffer
}

const footerBodyBytes = 8 + 32

export function encodeSealFooter(footer: SealFooter): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes + footerBodyBytes)
  const at = bytes.writeBigUInt64BE(BigInt(footer.size), frameHeaderBytes)
  footer.root.copy(bytes, at)
  closeFrame(bytes, 0, frameType.sealFooter, footerBodyBytes)
  return bytes
}

export function readSealFooter(body: Buffer): SealFooter | null {
  if (body.length !== footerBodyBytes) return null
  return { size: Number(body.readBigUInt64BE(0)), root: Buffer.from(body.subarray(8, 40)) }
}

/** Segments are named by their first entry, so that names sort as positions do. */
export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(20, '0')}.seg`
}

export function firstSeqOfName(name: string): number | null {
  const digits = /^(\d{20})\.seg$/.exec(name)?.[1]
  return digits === undefined ? null : Number(digits)
}
