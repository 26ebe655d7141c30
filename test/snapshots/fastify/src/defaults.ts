// biome-ignore format: the name may be of any length
export const DEFAULT_MODEL = 'gpt-4o';

// biome-ignore format: the address may be of any length
export const DEFAULT_BASE_URL = 'https://api.openai.com/v1';
