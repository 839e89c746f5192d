import { promisify } from 'node:util'
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'

import { UnreadableBatch } from './unreadable.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

/** More than any honest batch holds: what would unpack to more is refused, not unpacked. */
const maxOutputLength = 256 << 20

type Pack = (bytes: Buffer) => Promise<Buffer>

function codec(
  name: string,
  pack: Pack,
  unpack: (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>,
) {
  return {
    compress: ({ buffer }: { readonly buffer: Buffer }): Promise<Buffer> => pack(buffer),
    async decompress(bytes: Buffer): Promise<Buffer> {
      try {
        return await unpack(bytes, { maxOutputLength })
      } catch (cause) {
        throw new UnreadableBatch(`compressed with ${name}`, { cause })
      }
    },
  }
}

const codecs = {
  gzip: codec('gzip', promisify<Buffer, Buffer>(gzip), promisify(gunzip)),
  zstd: codec('zstd', promisify<Buffer, Buffer>(zstdCompress), promisify(zstdDecompress)),
}

// What we read. Snappy and LZ4 stay unknown to the client, which says so by name.
CompressionCodecs[CompressionTypes.GZIP] = () => codecs.gzip
CompressionCodecs[CompressionTypes.ZSTD] = () => codecs.zstd
