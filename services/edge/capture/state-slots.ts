import { constants, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'

import { SpoolError } from './spool-error.ts'

/**
 * A small text, kept in one of two files that are written in turn and in place: room for it was taken at the start, so that it can be
 * kept on a disk that has none left, and a torn write leaves the text before.
 *
 * A slot: u32 length of what follows the crc, u32 crc over it, u48 generation, text; then whatever was there before. Big endian.
 */
const slotBytes = 128 * 1024
const headerBytes = 14

interface Slot {
  readonly generation: number
  readonly text: string
}

/** The newest text, or null where none was ever kept. */
export async function readSlots(paths: readonly [string, string]): Promise<Slot | null> {
  const [first, second] = [await readSlot(paths[0]), await readSlot(paths[1])]
  if (first === 'damaged' && second === 'damaged') {
    throw new SpoolError(
      'SPOOL_STATE_INVALID',
      `${paths[0]} and ${paths[1]} are both damaged: the number of the next event is not known`,
    )
  }
  const slots = [first, second].filter((slot) => slot !== 'damaged' && slot !== null)
  return slots.sort((a, b) => b.generation - a.generation)[0] ?? null
}

/** Keeps a text; durable when it resolves. Generations rise. */
export async function writeSlot(
  paths: readonly [string, string],
  { generation, text }: Slot,
): Promise<void> {
  const bytes = Buffer.alloc(headerBytes + Buffer.byteLength(text))
  bytes.writeUInt32BE(bytes.length - 8, 0)
  bytes.writeUIntBE(generation, 8, 6)
  bytes.write(text, headerBytes)
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4)
  await writeInPlace(paths[generation % 2 === 0 ? 0 : 1], bytes)
}

/** Takes the room. */
export async function takeSlots(paths: readonly [string, string]): Promise<void> {
  for (const path of paths) {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      const { size } = await handle.stat()
      if (size < slotBytes) {
        await handle.write(Buffer.alloc(slotBytes - size), 0, slotBytes - size, size)
        await handle.sync()
      }
    } finally {
      await handle.close()
    }
  }
}

async function readSlot(path: string): Promise<Slot | 'damaged' | null> {
  let bytes: Buffer
  try {
    await using handle = await open(path, 'r')
    bytes = await handle.readFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  if (bytes.length < headerBytes || bytes.readUIntBE(0, 6) === 0) return null
  const end = 8 + bytes.readUInt32BE(0)
  if (end < headerBytes || end > bytes.length) return 'damaged'
  if (crc32(bytes.subarray(8, end)) !== bytes.readUInt32BE(4)) return 'damaged'
  return { generation: bytes.readUIntBE(8, 6), text: bytes.toString('utf8', headerBytes, end) }
}

async function writeInPlace(path: string, bytes: Buffer): Promise<void> {
  await using handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  let at = 0
  while (at < bytes.length) {
    at += (await handle.write(bytes, at, bytes.length - at, at)).bytesWritten
  }
  await handle.datasync()
}
