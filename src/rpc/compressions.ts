import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { ConnectRouterOptions } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

/** A way to compress bodies, as Connect takes it. */
export type Compression = NonNullable<ConnectRouterOptions["acceptCompression"]>[number];

/**
 * Brotli as fast as gzip. Its default, made for files that are compressed once, takes hundreds of times as long for a
 * page of samples, and whoever calls chooses the compression.
 */
const quickBrotli: Compression = {
  ...compressionBrotli,
  compress: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
};

/** The compressions that bodies may have, besides none. */
export const compressions: readonly Compression[] = [compressionGzip, quickBrotli];
