/** The addresses of files that the build makes from emojibase's data (`build/emojiData.ts`). */
declare module "virtual:emoji/en" {
  const url: string;
  export default url;
}
declare module "virtual:emoji/zh" {
  const url: string;
  export default url;
}
