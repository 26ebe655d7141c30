// biome-ignore-all format: a name or an address may be of any length
export const DEFAULT_MODEL = 'gpt-4o';
export const DEFAULT_BASE_URL = 'https://api.openai.com/v1';
