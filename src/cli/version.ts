declare const __VERSION__: string;

/** The version in package.json: esbuild puts it here. */
export const VERSION: string = __VERSION__;
